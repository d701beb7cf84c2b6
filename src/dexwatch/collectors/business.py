"""Business figures by the operator's declared read-only queries."""

from dataclasses import dataclass
from typing import ClassVar

from dexwatch import clock
from dexwatch.clients.config import QueryConfig
from dexwatch.clients.database import PlatformDatabase
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.metrics.business import BUSINESS_METRICS
from dexwatch.metrics.metric import Metric
from dexwatch.metrics.series import Series

_BY_NAME = {metric.name: metric for metric in BUSINESS_METRICS}
_FAILURES_BEFORE_FORGETTING = 3
_SLOW_FACTOR = 5
"""A query that ran out of time comes so much less often: it must not weigh on the others."""


@dataclass
class _Scheduled:
    query: QueryConfig
    metric: Metric
    due: float = 0.0
    failures: int = 0


class BusinessCollector(Collector):
    """Runs each query when it is due; a failing query leaves the others alone."""

    name: ClassVar[str] = "business"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        config = context.database
        self._database = None if config is None else PlatformDatabase(config)
        queries = () if config is None else config.queries
        self._scheduled = [_Scheduled(query, _BY_NAME[query.metric]) for query in queries]

    @property
    def every_seconds(self) -> float | None:
        """Every second, to see what is due; None without queries."""
        return 1.0 if self._scheduled else None

    async def collect(self) -> None:
        """Run the queries that are due."""
        failed: list[SourceError] = []
        for scheduled in self._scheduled:
            if clock.monotonic() < scheduled.due:
                continue
            scheduled.due = clock.monotonic() + scheduled.query.every_seconds
            try:
                await self._run(scheduled)
                scheduled.failures = 0
            except SourceError as error:
                failed.append(error)
                self._failed(scheduled, error)
        if failed:
            raise failed[0]

    async def close(self) -> None:
        """Close the connection."""
        if self._database is not None:
            await self._database.close()

    async def _run(self, scheduled: _Scheduled) -> None:
        if self._database is None:
            return
        rows = await self._database.fetch(scheduled.query, scheduled.metric.labels)
        if not self._shared(scheduled):
            self.series.forget(scheduled.metric)
        for row in rows:
            self.series.set(scheduled.metric, row.value, **dict(row.labels))

    def _failed(self, scheduled: _Scheduled, error: SourceError) -> None:
        scheduled.failures += 1
        if error.outcome is Outcome.TIMEOUT:
            scheduled.due += scheduled.query.every_seconds * (_SLOW_FACTOR - 1)
        if scheduled.failures >= _FAILURES_BEFORE_FORGETTING:
            self.series.forget(scheduled.metric)

    def _shared(self, scheduled: _Scheduled) -> bool:
        """Do several queries fill the same metric? Then none may clear what another wrote."""
        return sum(1 for other in self._scheduled if other.metric is scheduled.metric) > 1
