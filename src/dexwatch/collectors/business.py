"""Business metrics by the operator's declared read-only queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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

_Labels = tuple[str, ...]
"""Label values of a row, in the order in which the metric declares them."""


@dataclass
class _Scheduled:
    query: QueryConfig
    metric: Metric
    due: float = 0.0
    failures: int = 0
    error: SourceError | None = None
    """How its last run failed; None when that gave an answer."""
    rows: dict[_Labels, float] = field(default_factory=dict)
    """What the query gave last, and shows."""


class BusinessCollector(Collector):
    """Runs each query when it is due; what a query shows is its own, whatever the others do."""

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
        """Run the queries that are due.

        Raises:
            SourceError: what a query shows is old, whether or not it was due in this round.
        """
        for scheduled in self._scheduled:
            if clock.monotonic() < scheduled.due:
                continue
            scheduled.due = clock.monotonic() + scheduled.query.every_seconds
            try:
                await self._run(scheduled)
                scheduled.failures, scheduled.error = 0, None
            except SourceError as error:
                self._failed(scheduled, error)
        for scheduled in self._scheduled:
            if scheduled.error is not None:
                raise scheduled.error

    async def close(self) -> None:
        """Close the connection."""
        if self._database is not None:
            await self._database.close()

    async def _run(self, scheduled: _Scheduled) -> None:
        if self._database is None:
            return
        metric = scheduled.metric
        found = await self._database.fetch(scheduled.query, metric.labels)
        self._replace(
            scheduled,
            {tuple(row.labels[name] for name in metric.labels): row.value for row in found},
        )

    def _failed(self, scheduled: _Scheduled, error: SourceError) -> None:
        scheduled.failures, scheduled.error = scheduled.failures + 1, error
        if error.outcome is Outcome.TIMEOUT:
            scheduled.due += scheduled.query.every_seconds * (_SLOW_FACTOR - 1)
        if scheduled.failures >= _FAILURES_BEFORE_FORGETTING:
            self._replace(scheduled, {})

    def _replace(self, scheduled: _Scheduled, rows: Mapping[_Labels, float]) -> None:
        """Show the rows of a query's newest answer, and no longer those that are not among them."""
        metric, gone = scheduled.metric, scheduled.rows.keys() - rows.keys()
        scheduled.rows = dict(rows)
        for labels in gone:
            self.series.forget(metric, **dict(zip(metric.labels, labels, strict=True)))
        for labels, value in rows.items():
            self.series.set(metric, value, **dict(zip(metric.labels, labels, strict=True)))
        # A sibling may show the same labels; it keeps them when this query has lost them.
        for other in self._scheduled:
            if other is not scheduled and other.metric is metric:
                for labels in gone & other.rows.keys():
                    self.series.set(
                        metric, other.rows[labels], **dict(zip(metric.labels, labels, strict=True))
                    )
