"""A message's chart as a picture: a line chart that a mail program shows without loading anything.

Pillow alone draws it, in some 100 ms of processor time; a plotting library would weigh 50 MB and
keep everything else waiting for a second while it loads.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from PIL import Image, ImageDraw, ImageFont

from dexwatch.incidents.notice import Chart, ChartLine
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.units import THIN, axis_labels, format_value
from dexwatch.notifiers.chart.axes import Axes, axes, unit_of

WIDTH = 1080
"""More than twice what a mail shows, for screens of two pixels a point."""
PLOT_HEIGHT = 560
"""With the words of the axes; the names of the lines come below."""
_FONT, _ROW = 39, 54
"""A third of the picture's width is a phone's, so letters are a third of this there."""
_TOP, _RIGHT, _BOTTOM = 34, WIDTH - 28, PLOT_HEIGHT - 84
_GAP = 16
_FINE = 2
"""Lines are drawn so much larger and shrunk, which smooths their edges."""
_LINE = 5

# The ground is part of the picture and no brighter than it must be: dark mail programs leave it.
_PAPER, _INK, _GRID, _LIMIT = "#f4f6f9", "#27364a", "#d3dbe5", "#b91c1c"
# Blue, orange, teal, purple, brown, grey: told apart by people who do not see red and green.
_COLOURS = ("#0369a1", "#c2690c", "#0f766e", "#6d28d9", "#7c4a21", "#64748b")
_LABEL = 60
_ZONE = "UTC"
# The font that Pillow brings has no signs beyond ASCII.
_ASCII = str.maketrans({THIN: " ", "\u00b5": "u", "\u2013": "-", "\u00d7": "x"})

_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
_Place = Callable[[float, float], tuple[float, float]]


def draw(chart: Chart) -> bytes:
    """Return a PNG, 1080 pixels wide; the chart has at least one point."""
    font = ImageFont.load_default(_FONT)
    if unit_of(chart) is Unit.BOOLEAN:
        # What is not so needs no line between yes and no.
        chart = replace(chart, threshold=None)
    spans = axes(chart)
    words = [_ascii(word) for word in axis_labels(spans.ticks, unit_of(chart))]
    widest = max(font.getlength(word) for word in (_ZONE, *words))
    left = min(widest + 2 * _GAP, WIDTH / 2)

    def place(at: float, value: float) -> tuple[float, float]:
        x = left + spans.across(at) * (_RIGHT - left)
        return x, _BOTTOM - spans.up(value) * (_BOTTOM - _TOP)

    named = _named(chart)
    size = (WIDTH, PLOT_HEIGHT + _ROW * len(named))
    large = Image.new("RGB", (size[0] * _FINE, size[1] * _FINE), _PAPER)
    _draw_lines(ImageDraw.Draw(large), chart, spans, place)
    picture = large.resize(size, Image.Resampling.BOX)
    pen = ImageDraw.Draw(picture)
    _write_axes(pen, font, spans, words, place)
    if chart.threshold is not None:
        text = f"threshold {_ascii(str(format_value(chart.threshold, unit_of(chart))))}"
        # Where the lines come from there is no room for words.
        below = max(line.points[0][1] for line in chart.lines) > chart.threshold
        _write_threshold(pen, font, text, place(spans.first, chart.threshold), below=below)
    _write_names(pen, font, named)
    file = io.BytesIO()
    # Few colours make a small file, which many recipients get many times.
    picture.quantize(32).save(file, "PNG", optimize=True)
    return file.getvalue()


def _named(chart: Chart) -> list[tuple[str, str]]:
    """Return colour and name of each line, or nothing when there is nothing to tell apart."""
    named = [(c, _ascii(n.label)) for c, n in zip(_COLOURS, chart.lines, strict=False)]
    return named if len(named) > 1 or named[0][1] else []


def _draw_lines(pen: ImageDraw.ImageDraw, chart: Chart, spans: Axes, place: _Place) -> None:
    def at(x: float, y: float) -> tuple[float, float]:
        return x * _FINE, y * _FINE

    left, _ = place(spans.first, spans.low)
    for value in spans.ticks:
        _, y = place(spans.first, value)
        pen.line([at(left, y), at(_RIGHT, y)], fill=_GRID, width=2 * _FINE)
    pen.line([at(left, _BOTTOM), at(_RIGHT, _BOTTOM)], fill=_GRID, width=4 * _FINE)
    if chart.event_at is not None:
        x, _ = place(chart.event_at, spans.low)
        pen.line([at(x, _TOP), at(x, _BOTTOM)], fill=_INK, width=3 * _FINE)
    if chart.threshold is not None:
        _, y = place(spans.first, chart.threshold)
        for x in range(round(left), _RIGHT, 32):
            pen.line([at(x, y), at(min(x + 20, _RIGHT), y)], fill=_LIMIT, width=4 * _FINE)
    for colour, line in zip(_COLOURS, chart.lines, strict=False):
        _draw_line(pen, line, colour, lambda t, v: at(*place(t, v)))


def _draw_line(pen: ImageDraw.ImageDraw, line: ChartLine, colour: str, place: _Place) -> None:
    points = [place(*point) for point in line.points]
    if len(points) > 1:
        pen.line(points, fill=colour, width=_LINE * _FINE, joint="curve")
        return
    reach = 1.5 * _LINE * _FINE
    for x, y in points:
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)


def _write_axes(
    pen: ImageDraw.ImageDraw,
    font: _Font,
    spans: Axes,
    words: list[str],
    place: _Place,
) -> None:
    """Write times and values, at their final size because shrunk letters blur."""
    left, _ = place(spans.first, spans.low)
    for value, word in zip(spans.ticks, words, strict=True):
        _, y = place(spans.first, value)
        pen.text((left - _GAP, y), word, _INK, font, anchor="rm")
    pen.text((left - _GAP, _BOTTOM + 1.5 * _GAP), _ZONE, _INK, font, anchor="rt")
    for moment in spans.moments():
        text = datetime.fromtimestamp(moment, UTC).strftime("%H:%M")
        half = font.getlength(text) / 2
        x = min(place(moment, spans.low)[0], WIDTH - _GAP / 2 - half)
        # At the very left the zone stands.
        if x - half >= left - _GAP / 2:
            pen.text((x, _BOTTOM + 1.5 * _GAP), text, _INK, font, anchor="mt")


def _write_threshold(
    pen: ImageDraw.ImageDraw, font: _Font, text: str, at: tuple[float, float], *, below: bool
) -> None:
    """Write what the dashed line is, above or below it."""
    x, y = at
    if y - _FONT < _TOP or (below and y + _FONT < _BOTTOM):
        anchor, spot = "lt", (x + _GAP / 2, y + _GAP / 2)
    else:
        anchor, spot = "lb", (x + _GAP / 2, y - _GAP / 2)
    pen.text(spot, text, _LIMIT, font, anchor=anchor, stroke_width=6, stroke_fill=_PAPER)


def _write_names(pen: ImageDraw.ImageDraw, font: _Font, named: list[tuple[str, str]]) -> None:
    for row, (colour, label) in enumerate(named):
        y = PLOT_HEIGHT + _ROW * row + _ROW / 2 - _GAP
        pen.line([(2 * _GAP, y), (5 * _GAP, y)], fill=colour, width=_LINE + 3)
        pen.text((6 * _GAP, y), _cut(label, font, WIDTH - 8 * _GAP), _INK, font, anchor="lm")


def _cut(text: str, font: _Font, width: float) -> str:
    """Return the text without its middle if it has no room: names differ at their ends."""
    shown, kept = text, len(text)
    while font.getlength(shown) > width:
        kept -= 2
        shown = f"{text[: kept // 2]}...{text[-(kept // 2) :]}"
    return shown


def _ascii(text: str) -> str:
    """Return one printable line: a label is foreign text."""
    return "".join(c if c.isprintable() else " " for c in text[:_LABEL].translate(_ASCII)).strip()
