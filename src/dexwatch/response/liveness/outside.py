"""Pings a service outside, which pages when the pings stop: then nobody here could.

Each ping proves the whole way of a page: Prometheus and Alertmanager, whose signal a look has found
alive just now; the store, in which a write has just been made durable; and the worker, which does
this job like any other. It has a queue of its own, so that it delays no page.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from dexwatch.backoff import Backoff
from dexwatch.incidents.liveness.signal import HeartbeatTimeout, alive
from dexwatch.jobs.job import IfPlanned, Job, JobResult, NewJob
from dexwatch.response.store import Store, Transaction

_log = structlog.get_logger(__name__)

OUTSIDE = "outside_ping"
QUEUE = "outside_ping"
"""One at a time, and in nobody's way."""
PING_SECONDS = 10.0
_LOOK_SECONDS = 5.0
"""So soon it is looked again whether what was dead is back."""
_AGAIN = Backoff(first=2.0, most=60.0)

JOB = NewJob(
    kind=OUTSIDE,
    queue=QUEUE,
    key=OUTSIDE,
    priority=3,
    # With a new address it is told at once whether that takes pings.
    if_planned=IfPlanned.RENEW,
)


@dataclass(frozen=True)
class OutsideService:
    """Who pages when our pings stop."""

    ping: Callable[[], Awaitable[None]]
    """Sends one ping; raises unless it was taken."""
    every_seconds: float


class OutsidePing:
    """The handler of the job that pings; without a service it is done for good."""

    def __init__(
        self,
        store: Store,
        service: OutsideService | None,
        *,
        source: str,
        timeout: HeartbeatTimeout,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Make the handler.

        Args:
            store: where the signal is noted, and a write is tried.
            service: who is pinged.
            source: whose dead man's signal is asked for.
            timeout: how long that may stay away.
            count: told the outcome of each look: sent, withheld or failed.
        """
        self._store = store
        self._service = service
        self._source = source
        self._timeout = timeout
        self._count = count

    async def __call__(self, job: Job) -> JobResult:
        """Ping if all that a page needs has just worked.

        Raises:
            StoreUnavailableError: nothing could be written, so nothing is sent.
        """
        service = self._service
        if service is None:
            return JobResult.done()

        async def act(tx: Transaction) -> bool:
            await tx.signals.heard(OUTSIDE)
            return alive(await tx.signals.get(self._source), tx.signals.now, self._timeout)

        if not await self._store.transact(act):
            self._count("withheld")
            said = f"withheld: no sign of life from {self._source}"
            return JobResult.done(said, again_after=min(service.every_seconds, _LOOK_SECONDS))
        try:
            async with asyncio.timeout(PING_SECONDS):
                await service.ping()
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being taken, it was not.
            # Only the type is told: the address is a secret, and the text may quote it.
            self._count("failed")
            _log.warning("outside_ping.failed", error=type(error).__name__)
            after = min(_AGAIN.delay(job.attempts, key=job.key), service.every_seconds)
            return JobResult.retry(after, f"not taken: {type(error).__name__}")
        self._count("sent")
        return JobResult.done("sent", again_after=service.every_seconds)
