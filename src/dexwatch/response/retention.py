"""Lets go of what has been kept for long enough, in small steps that no page waits for."""

from datetime import timedelta

import structlog

from dexwatch.clock import Clock
from dexwatch.jobs.job import IfPlanned, Job, JobResult, NewJob
from dexwatch.response.store import Store

_log = structlog.get_logger(__name__)

RETENTION = "retention"
QUEUE = "maintenance"
"""The queue of retention jobs; one at a time."""

_EVERY_SECONDS = 300.0
_REST_SECONDS = 1.0

JOB = NewJob(
    kind=RETENTION,
    queue=QUEUE,
    key=RETENTION,
    priority=9,
    delay=_EVERY_SECONDS,
    lease=60.0,
    # Each start brings it back, should it ever have been quarantined.
    if_planned=IfPlanned.RENEW,
)
"""Never due in the first minutes of the first start, when there is better to do."""


class Retention:
    """The handler of the retention job: one small batch an attempt."""

    def __init__(
        self, store: Store, clock: Clock, *, keep_events: timedelta, keep_incidents: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep_events = keep_events
        self._keep_incidents = keep_incidents

    async def __call__(self, job: Job) -> JobResult:
        """Delete some of what is too old; soon again while there is more."""
        now = self._clock()
        rows, more = await self._store.prune(
            events_before=now - self._keep_events, incidents_before=now - self._keep_incidents
        )
        if rows:
            _log.info("retention.pruned", rows=rows, job=job.key)
        return JobResult.done(again_after=_REST_SECONDS if more else _EVERY_SECONDS)
