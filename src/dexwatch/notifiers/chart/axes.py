"""The axes of a message's chart: what they span, where their ticks stand and what those say."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dexwatch.incidents.notice import Chart
from dexwatch.metrics.metric import Unit

_HUGE = 1e15
_MOST_TICKS = 5
_MOST_MOMENTS = 4
_SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Round lengths of time in seconds."""


@dataclass(frozen=True)
class Axes:
    """What a chart spans, in Unix seconds and in its unit."""

    first: float
    last: float
    low: float
    high: float
    ticks: tuple[float, ...]
    """The values that are written, ascending."""

    def across(self, at: float) -> float:
        """Return where a moment lies, from 0 to 1."""
        return (at - self.first) / (self.last - self.first)

    def up(self, value: float) -> float:
        """Return where a value lies, from 0 to 1."""
        return (_held(value) - self.low) / (self.high - self.low)

    def moments(self) -> Iterator[float]:
        """Yield at most five round times of day."""
        wanted = (self.last - self.first) / _MOST_MOMENTS
        step = next((s for s in _SPANS if s >= max(wanted, 60)), wanted)
        at = math.ceil(self.first / step) * step
        while at <= self.last:
            yield at
            at += step


def unit_of(chart: Chart) -> Unit:
    """Return the chart's unit; one that is not ours is a plain number."""
    return Unit(chart.unit) if chart.unit in set(Unit) else Unit.COUNT


def axes(chart: Chart) -> Axes:
    """Return the axes that show all points, the threshold and the event."""
    times = [at for line in chart.lines for at, _ in line.points]
    values = [_held(v) for line in chart.lines for _, v in line.points]
    if chart.threshold is not None:
        values.append(_held(chart.threshold))
    if chart.event_at is not None:
        times.append(chart.event_at)
    first, last = min(times), max(times)
    low, high = min(values), max(values)
    unit = unit_of(chart)
    bottom, top = _room(low, high)
    if unit is Unit.BOOLEAN and low >= 0 and high <= 1:
        bottom, top = -0.1, 1.1
    shown = ticks(bottom, top, unit, whole=all(value == int(value) for value in values))
    # Nobody has more than all of it, though the line at the top needs room.
    most = 1.0 if unit is Unit.RATIO and high <= 1 else math.inf
    shown = tuple(value for value in shown if value <= most)
    return Axes(first, last if last > first else first + 1, bottom, top, shown)


def ticks(low: float, high: float, unit: Unit, *, whole: bool = False) -> tuple[float, ...]:
    """Return at most five round values of the unit from `low` to `high`, some pixels apart."""
    step = _step((high - low) / (_MOST_TICKS - 1), unit)
    if whole and unit in (Unit.COUNT, Unit.BLOCKS, Unit.BOOLEAN):
        step = max(step, 1.0)
    first = math.ceil(low / step - 1e-9)
    return tuple(n * step for n in range(first, math.floor(high / step + 1e-9) + 1))


def _step(rough: float, unit: Unit) -> float:
    if unit is Unit.SECONDS and 60 <= rough <= _SPANS[-1]:
        return next(float(span) for span in _SPANS if span >= rough * (1 - 1e-9))
    if unit in (Unit.BYTES, Unit.BYTES_PER_SECOND) and rough >= 1:
        return 2.0 ** math.ceil(math.log2(rough) - 1e-9)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * n for n in (1, 2, 5, 10) if power * n >= rough * (1 - 1e-9))


def _room(low: float, high: float) -> tuple[float, float]:
    """Widen a span so that no line runs along its edge."""
    most = max(abs(low), abs(high))
    # Never less than the numbers' own precision can tell apart.
    room = max((high - low) * 0.08, most * (1e-9 if high > low else 0.1), 1e-12) if most else 1.0
    # What never falls below nought is not shown as if it could.
    return (0.0 if low >= 0 and low - room < 0 else low - room), high + room


def _held(value: float) -> float:
    return max(-_HUGE, min(value, _HUGE))
