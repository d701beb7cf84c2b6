"""A message's chart as a picture: a line chart that a mail program shows without loading anything.

Pillow alone draws it, in some 50 ms of processor time; a plotting library would weigh 50 MB and
keep everything else waiting for a second while it loads.
"""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image, ImageDraw, ImageFont

from dexwatch.incidents.notice import Chart, ChartLine
from dexwatch.metrics.units import tick

WIDTH, HEIGHT = 1080, 432
_LEFT, _TOP, _RIGHT, _BOTTOM = 84, 34, WIDTH - 18, HEIGHT - 38
_FINE = 2
"""Lines are drawn so much larger and shrunk, which smooths their edges."""

_PAPER, _INK, _GRID, _LIMIT = "#ffffff", "#334155", "#e2e8f0", "#b91c1c"
# Blue, orange, teal, purple, brown, grey: told apart by people who do not see red and green.
_COLOURS = ("#0369a1", "#c2690c", "#0f766e", "#6d28d9", "#7c4a21", "#64748b")
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_HUGE = 1e15
_LABEL = 60


@dataclass(frozen=True)
class _Scale:
    """Where a moment and a value lie, in pixels."""

    first: float
    last: float
    low: float
    high: float

    def x(self, at: float) -> float:
        return _LEFT + (at - self.first) / (self.last - self.first) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        share = (max(-_HUGE, min(value, _HUGE)) - self.low) / (self.high - self.low)
        return _BOTTOM - share * (_BOTTOM - _TOP)


def draw(chart: Chart) -> bytes:
    """Return a PNG of 1080 x 432 pixels; the chart has at least one point."""
    scale = _scale(chart)
    large = Image.new("RGB", (WIDTH * _FINE, HEIGHT * _FINE), _PAPER)
    _draw_lines(ImageDraw.Draw(large), chart, scale)
    picture = large.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    _write(ImageDraw.Draw(picture), chart, scale)
    file = io.BytesIO()
    # Few colours make a small file, which many recipients get many times.
    picture.quantize(64).save(file, "PNG")
    return file.getvalue()


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` round numbers from `low` to `high`, 1, 2 or 5 times a power of ten."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _scale(chart: Chart) -> _Scale:
    times = [at for line in chart.lines for at, _ in line.points]
    values = [v for line in chart.lines for _, v in line.points]
    if chart.threshold is not None:
        values.append(chart.threshold)
    if chart.event_at is not None:
        times.append(chart.event_at)
    held = [max(-_HUGE, min(value, _HUGE)) for value in values]
    low, high = min(held), max(held)
    most = max(abs(low), abs(high))
    # Never less than the numbers' own precision can tell apart.
    room = max((high - low) * 0.06, most * (1e-9 if high > low else 0.1), 1e-12) if most else 1.0
    # What never falls below nought is not shown as if it could.
    floor = 0.0 if low >= 0 and low - room < 0 else low - room
    first, last = min(times), max(times)
    return _Scale(first, last if last > first else first + 1, floor, high + room)


def _draw_lines(pen: ImageDraw.ImageDraw, chart: Chart, scale: _Scale) -> None:
    def at(x: float, y: float) -> tuple[float, float]:
        return x * _FINE, y * _FINE

    for value in ticks(scale.low, scale.high):
        y = scale.y(value)
        pen.line([at(_LEFT, y), at(_RIGHT, y)], fill=_GRID, width=_FINE)
    pen.line([at(_LEFT, _BOTTOM), at(_RIGHT, _BOTTOM)], fill=_GRID, width=2 * _FINE)
    if chart.event_at is not None:
        x = scale.x(chart.event_at)
        pen.line([at(x, _TOP), at(x, _BOTTOM)], fill=_INK, width=_FINE)
    if chart.threshold is not None:
        y = scale.y(chart.threshold)
        for x in range(_LEFT, _RIGHT, 16):
            pen.line([at(x, y), at(min(x + 10, _RIGHT), y)], fill=_LIMIT, width=2 * _FINE)
    for colour, line in zip(_COLOURS, chart.lines, strict=False):
        _draw_line(pen, line, colour, lambda p: at(scale.x(p[0]), scale.y(p[1])))


def _draw_line(
    pen: ImageDraw.ImageDraw,
    line: ChartLine,
    colour: str,
    place: Callable[[tuple[float, float]], tuple[float, float]],
) -> None:
    points = [place(point) for point in line.points]
    if len(points) > 1:
        pen.line(points, fill=colour, width=3 * _FINE, joint="curve")
        return
    for x, y in points:
        reach = 3 * _FINE
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)


def _write(pen: ImageDraw.ImageDraw, chart: Chart, scale: _Scale) -> None:
    """Write all words, at their final size because shrunk letters blur."""
    font = ImageFont.load_default(15)
    marks = ticks(scale.low, scale.high)
    step = marks[1] - marks[0] if len(marks) > 1 else scale.high - scale.low
    for value in marks:
        pen.text((_LEFT - 9, scale.y(value)), tick(value, step), _INK, font, anchor="rm")
    for at in _moments(scale.first, scale.last):
        text = datetime.fromtimestamp(at, UTC).strftime("%H:%M")
        pen.text((scale.x(at), _BOTTOM + 9), text, _INK, font, anchor="mt")
    pen.text((12, 8), chart.unit.replace("_", " "), _INK, font)
    pen.text((_RIGHT, 8), "UTC", _INK, font, anchor="ra")
    if chart.threshold is not None:
        spot = (_RIGHT - 3, scale.y(chart.threshold) - 4)
        pen.text(spot, "threshold", _LIMIT, font, anchor="rb", stroke_width=2, stroke_fill=_PAPER)
    named = [(c, _plain(n.label)) for c, n in zip(_COLOURS, chart.lines, strict=False)]
    if len(named) > 1 or named[0][1]:
        for row, (colour, label) in enumerate(named):
            y = _TOP + 14 + 19 * row
            pen.line([(_LEFT + 10, y), (_LEFT + 32, y)], fill=colour, width=3)
            spot = (_LEFT + 40, y)
            pen.text(spot, label, _INK, font, anchor="lm", stroke_width=2, stroke_fill=_PAPER)


def _moments(first: float, last: float) -> Iterator[float]:
    """Yield at most eight round times of day."""
    step = next((s for s in _STEPS if (last - first) / s <= 7), (last - first) / 7)
    at = math.ceil(first / step) * step
    while at <= last:
        yield at
        at += step


def _plain(label: str) -> str:
    """Return one printable line: a label is foreign text."""
    return "".join(c if c.isprintable() else " " for c in label[:_LABEL]).strip()
