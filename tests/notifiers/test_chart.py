"""The picture in a mail: right size, lines where they belong, no text or number that breaks it."""

import io
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dexwatch.incidents.notice import Chart, ChartLine
from dexwatch.metrics.units import tick
from dexwatch.notifiers.chart.drawing import HEIGHT, WIDTH, draw, ticks
from dexwatch.notifiers.chart.renderer import ChartRenderer
from tests.fakes.notices import CHART, HOSTILE

BLUE, RED = (3, 105, 161), (185, 28, 28)


def seen(chart: Chart) -> Image.Image:
    return Image.open(io.BytesIO(draw(chart))).convert("RGB")


def rows_of(picture: Image.Image, colour: tuple[int, int, int], column: int) -> list[int]:
    """Return the rows of one column whose pixels have about this colour."""
    near = []
    for row in range(HEIGHT):
        pixel = picture.getpixel((column, row))
        if all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True)):
            near.append(row)
    return near


def test_a_line_rises_past_its_limit() -> None:
    picture = seen(replace(CHART, lines=CHART.lines[:1]))
    assert picture.size == (WIDTH, HEIGHT)
    early, late = rows_of(picture, BLUE, 300), rows_of(picture, BLUE, 900)
    assert min(early) > max(late)
    limit = rows_of(picture, RED, 90)
    assert max(late) < limit[0] < min(early)


def test_hostile_text_is_drawn_as_text_and_stays_inside() -> None:
    lines = tuple(
        ChartLine(f"{n}\n{HOSTILE}\ud800\x00漢" * 9, ((n, n), (n + 9, 3))) for n in range(8)
    )
    assert seen(Chart(HOSTILE, HOSTILE, lines)).size == (WIDTH, HEIGHT)


@settings(max_examples=25, deadline=None)
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
    ("low", "high", "wanted"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.03, 1.4, [0.5, 1.0]),
        (-7, 7, [-5, 0, 5]),
        (98_000, 102_000, [98_000, 99_000, 100_000, 101_000, 102_000]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, wanted: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.4, 0.2, "0.4"),
        (50, 10, "50"),
        (1500, 500, "1.5 k"),
        (2e9, 1e9, "2 G"),
        (100_500, 500, "100.5 k"),
        (-0.05, 0.05, "-0.05"),
    ],
)
def test_ticks_are_formatted_shortly(value: float, step: float, text: str) -> None:
    assert tick(value, step) == text


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
