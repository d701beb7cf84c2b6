"""The figures of a message's chart, asked of Prometheus."""

import math
from datetime import datetime
from typing import Protocol

from dexwatch.clients.prometheus import Series
from dexwatch.incidents.notice import Chart, ChartLine

_BEFORE_SECONDS = 900.0
_POINTS = 120
_LINES = 6


class RangeQueries(Protocol):
    """What is needed of a Prometheus client."""

    async def query_range(
        self, expression: str, *, start: float, end: float, step_seconds: float
    ) -> tuple[Series, ...]:
        """Evaluate an expression over Unix seconds."""


class PrometheusCharts:
    """Implements `agenda.channel.ChartSource`."""

    def __init__(self, prometheus: RangeQueries) -> None:
        self._prometheus = prometheus

    async def chart(
        self, query: str, *, title: str, unit: str, limit: float | None, at: datetime
    ) -> Chart | None:
        """Return the quarter of an hour that ends at `at`, the worst six series of it."""
        end = at.timestamp()
        series = await self._prometheus.query_range(
            query, start=end - _BEFORE_SECONDS, end=end, step_seconds=_BEFORE_SECONDS / _POINTS
        )
        lines = [line for line in map(_line, series) if line.points]
        if not lines:
            return None
        lines.sort(key=lambda line: line.points[-1][1], reverse=True)
        return Chart(title, unit, tuple(lines[:_LINES]), limit, end)


def _line(series: Series) -> ChartLine:
    points = tuple((p.at, p.value) for p in series.points if math.isfinite(p.value))
    hidden = ("__name__", "job", "alerting")
    shown = (v for k, v in sorted(series.labels.items()) if k not in hidden)
    return ChartLine(" ".join(shown)[:60], points)
