"""What a chart writes beside its lines can be told apart and read."""

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from dexwatch import console
from tests.console.test_browser import ARGUMENTS
from tests.fakes import need
from tests.fakes.console import web

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

PAGE = "<body style='font: 11px sans-serif'><div id=box style='width:600px;height:200px'></div><ul>"
RECORD = """() => {
globalThis.dexwatch = {};
globalThis.written = [];
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
  const at = this.textAlign === "left" ? x : null;
  written.push({ text, x: at, y, width: this.measureText(text).width });
  fill.call(this, text, x, y);
};
}"""
DRAW = """async ([spec, times, values]) => {
  written.length = 0;
  const body = { times, series: [{ name: "one", values }] };
  dexwatch.charts.draw(document.getElementById("box"), spec, body, [times[0], times.at(-1)]);
  await new Promise((done) => setTimeout(() => requestAnimationFrame(done)));
  return written;
}"""
SPEC = {"kind": "timeseries", "stacked": False, "decimals": None, "floor": 0, "thresholds": []}
TIMES = [float(second) for second in range(0, 600, 10)]


@pytest.fixture
async def draw():
    static = Path(console.__file__).parent / "static"
    uplot = next(path for folder in web() if (path := folder / "uPlot.iife.min.js").is_file())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need.program("chromium"), args=ARGUMENTS
        )
        page = await browser.new_page()
        await page.set_content(PAGE)
        await page.evaluate(RECORD)
        for script in (
            uplot,
            *(static / f"{name}.js" for name in ("unit_table", "values", "charts")),
        ):
            await page.add_script_tag(path=script)

        async def drawn(values, **changes):
            return await page.evaluate(DRAW, [{**SPEC, **changes}, TIMES, values])

        yield drawn
        await browser.close()


def ticks(written):
    """Return the labels of the vertical axis, which are not written to the right of a point."""
    return [one["text"] for one in written if one["x"] is None and ":" not in one["text"]]


async def test_yes_and_no_are_all_that_a_boolean_has(draw):
    written = await draw([float(at > 300) for at in TIMES], unit="boolean")
    assert ticks(written) == ["no", "yes"]


async def test_no_two_labels_of_an_axis_read_alike(draw):
    labels = ticks(await draw([0.5 + at / 1e7 for at in TIMES], unit="ratio", floor=None))
    assert len(labels) > 2
    assert len(set(labels)) == len(labels)


async def test_words_at_marks_that_are_near_each_other_stay_legible(draw):
    marks = [{"at": 570, "word": "began"}, {"at": 575, "word": "resolved"}]
    limit = {"value": 0.9, "level": "critical", "text": "90%", "below": True}
    written = await draw([0.95] * len(TIMES), unit="ratio", marks=marks, thresholds=[limit])
    words = [one for one in written if one["text"] in {"began", "resolved", "90%"}]
    assert len(words) == 3
    for one in words:
        for other in words:
            beside = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            assert one is other or beside or abs(one["y"] - other["y"]) >= 10
