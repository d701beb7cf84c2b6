"""Lets go of what has been kept for long enough, in small steps that no page waits for."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from dexwatch.clock import Clock
from dexwatch.jobs.job import IfPlanned, Job, JobResult, NewJob
from dexwatch.response.clock_trust import ClockTrust, looked
from dexwatch.response.store import Store, Transaction

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
        self,
        store: Store,
        clock: Clock,
        *,
        keep_events: timedelta,
        keep_incidents: timedelta,
        stepped: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Make the handler; `stepped` is told at each look how far the clock has stepped ahead."""
        self._store = store
        self._clock = clock
        self._keep_events = keep_events
        self._keep_incidents = keep_incidents
        self._stepped = stepped

    async def __call__(self, job: Job) -> JobResult:
        """Delete some of what is too old, if the clock can be believed; soon again while more is.

        Raises:
            StoreUnavailableError: nothing was deleted.
        """
        now = self._clock()
        trust = await self._look(now)
        self._stepped(trust.step_seconds)
        if not trust.believed:
            if trust.believed_at is not None and not trust.even_seconds:
                _log.warning(
                    "retention.clock_stepped",
                    clock=now.isoformat(),
                    believed_at=trust.believed_at.isoformat(),
                    remedy="set the clock if it is wrong; nothing is deleted for three days",
                )
            return JobResult.done("the clock is not believed yet", again_after=_EVERY_SECONDS)
        rows, more = await self._store.prune(
            events_before=now - self._keep_events, incidents_before=now - self._keep_incidents
        )
        if rows:
            _log.info("retention.pruned", rows=rows, job=job.key)
        return JobResult.done(again_after=_REST_SECONDS if more else _EVERY_SECONDS)

    async def _look(self, now: datetime) -> ClockTrust:
        async def act(tx: Transaction) -> ClockTrust:
            trust = looked(await tx.clock_trust.get(), now)
            await tx.clock_trust.save(trust)
            return trust

        return await self._store.transact(act)
