"""The picture in a mail: right size, lines where they belong, no text or number that breaks it."""

import io
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dexwatch.incidents.notice import Chart, ChartLine
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.units import axis_labels
from dexwatch.notifiers.chart.axes import axes, ticks
from dexwatch.notifiers.chart.drawing import PLOT_HEIGHT, WIDTH, draw
from dexwatch.notifiers.chart.renderer import ChartRenderer
from tests.fakes.notices import CHART, HOSTILE

BLUE, RED = (3, 105, 161), (185, 28, 28)


def seen(chart: Chart) -> Image.Image:
    return Image.open(io.BytesIO(draw(chart))).convert("RGB")


def rows_of(picture: Image.Image, colour: tuple[int, int, int], column: int) -> list[int]:
    """Return the rows of one column whose pixels have about this colour."""
    near = []
    for row in range(PLOT_HEIGHT):
        pixel = picture.getpixel((column, row))
        if all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True)):
            near.append(row)
    return near


def test_a_line_rises_past_its_limit() -> None:
    picture = seen(replace(CHART, lines=CHART.lines[:1]))
    assert picture.size[0] == WIDTH
    early, late = rows_of(picture, BLUE, 300), rows_of(picture, BLUE, 900)
    assert min(early) > max(late)
    # Right of its word, and as wide as a dash with its gap.
    limit = [row for column in range(960, 992) for row in rows_of(picture, RED, column)]
    assert max(late) < min(limit) <= max(limit) < min(early)


def test_hostile_text_is_drawn_as_text_and_stays_inside() -> None:
    lines = tuple(
        ChartLine(f"{n}\n{HOSTILE}\ud800\x00漢" * 9, ((n, n), (n + 9, 3))) for n in range(8)
    )
    width, height = seen(Chart(HOSTILE, HOSTILE, lines)).size
    assert width == WIDTH
    assert height <= WIDTH


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 2e9, allow_nan=False), st.floats(allow_nan=False, allow_infinity=False)
        ),
        min_size=1,
        max_size=5,
    ),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_finite_figures_can_be_drawn(
    points: list[tuple[float, float]], limit: float | None
) -> None:
    assert draw(Chart("t", "seconds", (ChartLine("a", tuple(sorted(points))),), limit))


@pytest.mark.parametrize(
    ("low", "high", "unit", "wanted"),
    [
        (0, 1, Unit.RATIO, [0, 0.5, 1.0]),
        (0.03, 1.4, Unit.SECONDS, [0.5, 1.0]),
        (0, 7000, Unit.SECONDS, [0, 1800, 3600, 5400]),
        (0, 4e9, Unit.BYTES, [0, 2**30, 2**31, 3 * 2**30]),
        (-7, 7, Unit.COUNT, [-5, 0, 5]),
        (98_000, 102_000, Unit.USD, [98_000, 99_000, 100_000, 101_000, 102_000]),
    ],
)
def test_ticks_are_round_in_their_unit(
    low: float, high: float, unit: Unit, wanted: list[float]
) -> None:
    assert ticks(low, high, unit) == pytest.approx(wanted)


def test_an_axis_is_written_in_the_unit_of_the_text() -> None:
    def words(unit: Unit, *values: float) -> list[str]:
        line = ChartLine("", tuple((60.0 * n, value) for n, value in enumerate(values)))
        return axis_labels(axes(Chart("", unit, (line,))).ticks, unit)

    assert words(Unit.RATIO, 0.7, 1.0) == ["70%", "80%", "90%", "100%"]
    assert words(Unit.BOOLEAN, 1, 0) == ["no", "yes"]
    assert words(Unit.BLOCKS, 1, 2) == ["1", "2"]


def test_letters_can_be_read_on_a_phone() -> None:
    """A mail of 390 points leaves 340 for the picture: the zone's letters are 8 points tall."""
    picture = seen(CHART)
    plot = picture.crop((0, PLOT_HEIGHT - 70, 90, PLOT_HEIGHT))
    ink = [row for row in range(plot.height) if any(_dark(plot, x, row) for x in range(90))]
    assert (max(ink) - min(ink)) * 340 / WIDTH >= 8


def _dark(picture: Image.Image, x: int, y: int) -> bool:
    pixel = picture.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return sum(pixel) < 300


def test_a_picture_of_noise_stays_small() -> None:
    noise = random.Random(1)
    lines = tuple(
        ChartLine(HOSTILE * 9, tuple((n, noise.random()) for n in range(121))) for _ in range(6)
    )
    assert len(draw(Chart("", "ratio", lines, 0.5, 60))) < 100_000


def test_the_ground_is_light_and_opaque_for_dark_mail_programs() -> None:
    picture = Image.open(io.BytesIO(draw(CHART)))
    assert "transparency" not in picture.info
    assert min(seen(CHART).getpixel((0, 0))) > 230


async def test_a_message_that_comes_while_the_renderer_is_busy_has_no_chart() -> None:
    renderer = ChartRenderer()
    try:
        await renderer.start()
        assert (await renderer.render(CHART, seconds=20) or b"").startswith(b"\x89PNG")
        assert await renderer.render(CHART, seconds=0) is None
        assert await renderer.render(replace(CHART, lines=()), seconds=20) is None
    finally:
        renderer.close()


def test_loading_the_channels_loads_no_drawing_library() -> None:
    """Whoever only reads the settings must not pay for mail, pictures and HTTP."""
    heavy = "{'PIL', 'aiosmtplib', 'jinja2', 'httpx'}"
    code = f"import sys, dexwatch.notifiers.registry; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
