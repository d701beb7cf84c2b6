"""Asks Prometheus for one panel: newest values, and the new ends of its tracks.

Times are aligned to the step, so that the next refresh asks about the same moments again.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from dexwatch.clients.prometheus import Series
from dexwatch.console.live.frames import Answer, Track, Value
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
class Span:
    """A range of time that ends now, and the distance of its points."""

    name: str
    words: str
    seconds: int
    step: int


SPANS = {
    span.name: span
    for span in (
        Span("15m", "15 minutes", 900, 5),
        Span("1h", "1 hour", 3_600, 15),
        Span("6h", "6 hours", 21_600, 60),
        Span("24h", "24 hours", 86_400, 300),
        Span("7d", "7 days", 604_800, 1_800),
    )
}


async def ask(
    panel: Panel, windows: Windows, queries: Queries, *, at: float
) -> Sequence[list[Value]]:
    """Return the newest value of each series, query by query."""
    answers = []
    for query in panel.queries:
        found = await queries.query(query.expression(windows), at=at)
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
    """Return all tracks between two aligned moments, asked in one go."""
    first, last = math.ceil(start / step), math.floor(end / step)
    windows = SteppedWindows(profile, step)
    strips = [Strip(query.expression(windows), step) for query in panel.queries]
    for strip in strips:
        await strip.extend(queries, first, last)
    times = [index * step for index in range(first, last + 1)]
    return Answer(end, times=times, tracks=[strip.tracks(first, last) for strip in strips])


@dataclass
class Strip:
    """One expression's values on the grid of a step, extended at its end."""

    expression: str
    step: float
    _last: int | None = None
    _values: dict[frozenset[tuple[str, str]], dict[int, float]] = field(default_factory=dict)

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

    def tracks(self, first: int, last: int) -> list[Track]:
        """Return every series over the grid points `first` to `last`."""
        grid = range(first, last + 1)
        return [
            Track(dict(key), [points.get(index) for index in grid])
            for key, points in sorted(self._values.items(), key=lambda item: sorted(item[0]))
        ]


class Feed:
    """One panel over one span, with what was learnt so far."""

    def __init__(
        self, panel: Panel, span: Span, profile: EvaluationProfile, queries: Queries
    ) -> None:
        self._panel, self._windows, self._queries = panel, SteppedWindows(profile), queries
        tracked = panel.kind in {PanelKind.TIMESERIES, PanelKind.STAT}
        step = span.step if panel.kind is PanelKind.TIMESERIES else span.seconds / SPARK_POINTS
        self._points = round(span.seconds / step)
        self._step = step
        windows = SteppedWindows(profile, step)
        self._strips = (
            [Strip(query.expression(windows), step) for query in panel.queries] if tracked else []
        )

    async def answer(self, now: float) -> Answer:
        """Ask what is needed for the panel at `now`, in Unix seconds."""
        last = math.floor(now / self._step)
        first = last - self._points
        latest, _ = await asyncio.gather(
            self._latest(now),
            asyncio.gather(*(strip.extend(self._queries, first, last) for strip in self._strips)),
        )
        times = [index * self._step for index in range(first, last + 1)]
        tracks = [strip.tracks(first, last) for strip in self._strips]
        return Answer(now, latest, times, tracks)

    async def _latest(self, now: float) -> Sequence[list[Value]]:
        if self._panel.kind is PanelKind.TIMESERIES:
            return ()
        return await ask(self._panel, self._windows, self._queries, at=now)


def _round(value: float) -> float:
    if not math.isfinite(value) or value == 0:
        return value
    return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
