"""The data of a message's chart, asked of Prometheus."""

import math
from typing import Protocol

from dexwatch.clients.prometheus import Series
from dexwatch.incidents.notice import Chart
from dexwatch.response.messaging.chart import ChartRequest, ChartSeries, chart_of

_POINTS = 120


class RangeQueries(Protocol):
    """What is needed of a Prometheus client."""

    async def query_range(
        self, expression: str, *, start: float, end: float, step_seconds: float
    ) -> tuple[Series, ...]:
        """Evaluate an expression over Unix seconds."""


class PrometheusCharts:
    """Implements `response.notifier.ChartSource`."""

    def __init__(self, prometheus: RangeQueries) -> None:
        self._prometheus = prometheus

    async def chart(self, request: ChartRequest) -> Chart | None:
        """Return the chart, or None when there are no data; bounded by the caller."""
        start, end = request.start.timestamp(), request.end.timestamp()
        found = await self._prometheus.query_range(
            request.quantity.query, start=start, end=end, step_seconds=(end - start) / _POINTS
        )
        return chart_of(request, [ChartSeries(one.labels, _points(one)) for one in found])


def _points(series: Series) -> tuple[tuple[float, float], ...]:
    return tuple((p.at, p.value) for p in series.points if math.isfinite(p.value))
