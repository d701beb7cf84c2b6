"""Asks Prometheus for one panel: newest values, and the new ends of its series.

Times are aligned to the step, so that the next refresh asks about the same moments again.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from dexwatch.clients.prometheus import Series
from dexwatch.console.live.panel_data import Answer, PlottedSeries, Value
from dexwatch.console.protocols import Queries
from dexwatch.dashboards.board import Panel, PanelKind
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import SteppedWindows, Windows

MOST_SERIES = 60
"""Series kept of one query; a panel draws fewer, this bounds memory."""
SPARK_POINTS = 60
DIGITS = 6
OVERLAP = 2
"""Steps at the end that are asked again, because late samples may still change them."""


@dataclass(frozen=True)
class TimeRange:
    """A range of time that ends now, and the distance of its points."""

    name: str
    words: str
    seconds: int
    step: int


TIME_RANGES = {
    each.name: each
    for each in (
        TimeRange("15m", "15 minutes", 900, 5),
        TimeRange("1h", "1 hour", 3_600, 15),
        TimeRange("6h", "6 hours", 21_600, 60),
        TimeRange("24h", "24 hours", 86_400, 300),
        TimeRange("7d", "7 days", 604_800, 1_800),
    )
}


async def ask(
    panel: Panel, windows: Windows, queries: Queries, *, at: float
) -> Sequence[list[Value]]:
    """Return the newest value of each series, query by query."""
    answers = []
    for query in panel.queries:
        found = await queries.query(query.promql(windows), at=at)
        answers.append([(series.labels, _round(series.value)) for series in found[:MOST_SERIES]])
    return answers


async def ask_range(
    panel: Panel,
    profile: EvaluationProfile,
    queries: Queries,
    *,
    start: float,
    end: float,
    step: float,
) -> Answer:
    """Return all series between two aligned moments, asked in one go."""
    first, last = math.ceil(start / step), math.floor(end / step)
    windows = SteppedWindows(profile, step)
    caches = [RangeCache(query.promql(windows), step) for query in panel.queries]
    for cache in caches:
        await cache.extend(queries, first, last)
    times = [index * step for index in range(first, last + 1)]
    return Answer(end, times=times, series=[cache.series(first, last) for cache in caches])


@dataclass
class RangeCache:
    """One expression's values on the grid of a step, extended at its end."""

    expression: str
    step: float
    _last: int | None = None
    _values: dict[frozenset[tuple[str, str]], dict[int, float]] = field(default_factory=dict)

    @property
    def last(self) -> int | None:
        """The newest grid point that was asked for."""
        return self._last

    async def extend(self, queries: Queries, first: int, last: int) -> None:
        """Ask for what is missing of grid points `first` to `last`, forget what lies before."""
        begin = first if self._last is None else max(first, self._last - OVERLAP + 1)
        if begin <= last:
            found = await queries.query_range(
                self.expression,
                start=begin * self.step,
                end=last * self.step,
                step_seconds=self.step,
            )
            self._merge(found, begin)
            self._last = last
        for key, points in list(self._values.items()):
            kept = {index: value for index, value in points.items() if first <= index}
            if kept:
                self._values[key] = kept
            else:
                del self._values[key]

    def _merge(self, found: Sequence[Series], begin: int) -> None:
        for points in self._values.values():
            for index in [index for index in points if index >= begin]:
                del points[index]
        for series in found[:MOST_SERIES]:
            key = frozenset(series.labels.items())
            if key not in self._values and len(self._values) >= MOST_SERIES:
                continue
            points = self._values.setdefault(key, {})
            for point in series.points:
                if math.isfinite(point.value):
                    points[round(point.at / self.step)] = _round(point.value)

    def series(self, first: int, last: int) -> list[PlottedSeries]:
        """Return every series over the grid points `first` to `last`."""
        grid = range(first, last + 1)
        return [
            PlottedSeries(dict(key), [points.get(index) for index in grid])
            for key, points in sorted(self._values.items(), key=lambda item: sorted(item[0]))
        ]


class PanelSource:
    """One panel over one time range, with what was learnt so far."""

    def __init__(
        self, panel: Panel, time_range: TimeRange, profile: EvaluationProfile, queries: Queries
    ) -> None:
        self._panel, self._windows, self._queries = panel, SteppedWindows(profile), queries
        self._drawn = panel.kind is PanelKind.TIMESERIES
        step = time_range.step if self._drawn else time_range.seconds / SPARK_POINTS
        self._points, self._step = round(time_range.seconds / step), step
        windows = SteppedWindows(profile, step)
        ranged = self._drawn or panel.kind is PanelKind.STAT
        self._caches = (
            [RangeCache(query.promql(windows), step) for query in panel.queries] if ranged else []
        )

    async def answer(self, now: float) -> Answer:
        """Ask what is needed for the panel at `now`, in Unix seconds.

        A chart asks for its newest end; all others ask for the newest values. A figure's trend is
        asked for only when its next point is due, so that a refresh is one question.
        """
        last = math.floor(now / self._step)
        first = last - self._points
        latest, _ = await asyncio.gather(
            self._latest(now),
            asyncio.gather(
                *(
                    cache.extend(self._queries, first, last)
                    for cache in self._caches
                    if self._drawn or cache.last != last
                )
            ),
        )
        times = [index * self._step for index in range(first, last + 1)]
        return Answer(now, latest, times, [cache.series(first, last) for cache in self._caches])

    async def _latest(self, now: float) -> Sequence[list[Value]]:
        if self._drawn:
            return ()
        return await ask(self._panel, self._windows, self._queries, at=now)


def _round(value: float) -> float:
    if not math.isfinite(value) or value == 0:
        return value
    return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
