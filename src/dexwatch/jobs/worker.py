"""Takes jobs as soon as they are due, does them side by side, and stops without dropping any."""

import asyncio
import functools
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from dexwatch.backoff import Backoff, Failures
from dexwatch.jobs.job import Job, JobResult
from dexwatch.jobs.queue import (
    MAX_ATTEMPT_SECONDS,
    Crashpoints,
    Handlers,
    Queue,
    QueueUnavailableError,
    Slots,
    no_crash,
    reserved,
)

_log = structlog.get_logger(__name__)

_SETTLE_SECONDS = 900.0
"""So long a result is kept while the database is away; then the job comes back as uncertain."""
_SETTLE_AGAIN = Backoff(first=0.2, most=2.0)
_RENEW_AGAIN_SECONDS = 1.0
_AFTER_FAILED_CLAIM = Backoff(first=0.5, most=5.0)

_UNDERWAY: dict[str, str] = {}
"""The leases of this process's attempts, and who holds them.

After a reload a role's former worker finishes its attempts beside the new one.
"""


class Worker:
    """One loop over one queue table; several may run, in one process or many."""

    def __init__(
        self,
        queue: Queue,
        handlers: Handlers,
        *,
        owner: str,
        slots: Mapping[str, int],
        poll_seconds: float = 0.5,
        on_settled: Callable[[Job, JobResult, float], None] | None = None,
        crash: Crashpoints = no_crash,
    ) -> None:
        """Make a worker.

        Args:
            queue: where the jobs are.
            handlers: by kind; jobs of other kinds are left for others.
            owner: who holds the leases, for people who look.
            slots: how many jobs of each queue may be under way at once.
            poll_seconds: how often to look when nobody wakes us.
            on_settled: told of each settled attempt and the seconds since its job was wished for.
            crash: see `Crashpoints`.
        """
        self._queue = queue
        self._handlers = handlers
        self._owner = owner
        self._slots = slots
        self._poll_seconds = poll_seconds
        self._on_settled = on_settled
        self._crash = crash
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims = Failures(_AFTER_FAILED_CLAIM, key=owner)

    def wake(self) -> None:
        """Look for due jobs at once; cheap and safe to call at any time."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is under way."""
        try:
            await self.claim_until(stop)
        finally:
            await self.finish()

    async def claim_until(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way then goes on, see `finish`."""
        stopping = asyncio.create_task(self._wake_on(stop))
        try:
            while not stop.is_set():
                self._woken.clear()
                if not await self._claim():
                    await self._pause()
        finally:
            stopping.cancel()
            self._stopping.set()

    async def finish(self) -> None:
        """Wait for what is under way; its leases are renewed meanwhile."""
        # Every attempt is bounded by its own timeout, so this wait is, too.
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping.set()
        self._woken.set()

    async def _claim(self) -> bool:
        """Claim what there are slots for; say whether anything was claimed."""
        slots = {}
        for queue, most in self._slots.items():
            # Slow jobs must not hold up more urgent ones.
            slots[queue] = Slots(max(most - self._busy[queue], 0), reserved(most))
        try:
            claimed = await self._queue.claim(
                owner=self._owner,
                slots=slots,
                kinds=tuple(self._handlers),
                # A process that was stopped for a while has not renewed, yet goes on with these.
                underway={token for token, owner in _UNDERWAY.items() if owner == self._owner},
            )
        except QueueUnavailableError as error:
            _log.warning("jobs.queue_unavailable", doing="claim", error=str(error))
            await self._pause(self._claims.failed())
            return False
        except Exception:  # noqa: BLE001 - the next look may succeed; without one nothing happens.
            _log.exception("jobs.claim_failed")
            await self._pause(self._claims.failed())
            return False
        self._claims.succeeded()
        if claimed:
            self._crash("job.claimed")
        for job in claimed:
            self._busy[job.queue] += 1
            task = asyncio.create_task(self._do(job))
            self._tasks.add(task)
            _UNDERWAY[job.lease_token] = self._owner
            task.add_done_callback(functools.partial(self._ended, job.lease_token))
        return bool(claimed)

    def _ended(self, token: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        _UNDERWAY.pop(token, None)

    async def _pause(self, seconds: float | None = None) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds if seconds is None else seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _do(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        renewing = asyncio.create_task(self._renew(job))
        try:
            result = await self._attempt(job)
            self._crash("job.attempted")
            try:
                await self._settle(job, result)
            except QueueUnavailableError:
                raise
            except Exception:  # noqa: BLE001 - a lapse would have done again what was done.
                _log.exception("jobs.result_refused", job=job.key, outcome=result.outcome.value)
                result = result.bare()
                await self._settle(job, result)
            self._crash("job.settled")
            if self._on_settled is not None:
                self._on_settled(job, result, job.age + loop.time() - began)
        except QueueUnavailableError as error:
            # The lease runs out and the job comes back as uncertain, which is the truth about it.
            _log.warning("jobs.queue_unavailable", doing="settle", job=job.key, error=str(error))
        except Exception:  # noqa: BLE001 - one bad job must not stop the others.
            _log.exception("jobs.not_settled", job=job.key)
        finally:
            renewing.cancel()
            self._busy[job.queue] -= 1
            self._woken.set()

    async def _attempt(self, job: Job) -> JobResult:
        try:
            async with asyncio.timeout(MAX_ATTEMPT_SECONDS):
                return await self._handlers[job.kind](job)
        except QueueUnavailableError as error:
            _log.warning("jobs.queue_unavailable", doing="attempt", job=job.key, error=str(error))
            return JobResult.away(job)
        except Exception as error:  # noqa: BLE001 - a broken handler must not stop the others.
            _log.exception("jobs.handler_failed", job=job.key, kind=job.kind)
            return JobResult.crashed(job, error)

    async def _renew(self, job: Job) -> None:
        """Show that we live for as long as the attempt goes on."""
        pause = job.lease / 3
        while True:
            await asyncio.sleep(pause)
            pause = job.lease / 3
            try:
                if not await self._queue.renew(job):
                    return
            except Exception as error:  # noqa: BLE001 - the lease runs out, which is safe.
                _log.warning("jobs.not_renewed", job=job.key, error=type(error).__name__)
                pause = min(pause, _RENEW_AGAIN_SECONDS)

    async def _settle(self, job: Job, result: JobResult) -> None:
        """Write the result down, trying again while the database is away.

        Nobody can claim the job meanwhile, and a lapse is waited for anew once the database is
        back: so what was sent during a failure of it is not sent again. Who is told to stop tries
        for one lease more.
        """
        loop, failures = asyncio.get_running_loop(), Failures(_SETTLE_AGAIN, key=job.key)
        until = loop.time() + _SETTLE_SECONDS
        while True:
            try:
                if not await self._queue.settle(job, result):
                    _log.warning("jobs.settled_late", job=job.key, outcome=result.outcome.value)
            except QueueUnavailableError:
                if self._stopping.is_set():
                    until = min(until, loop.time() + job.lease)
                pause = failures.failed()
                if loop.time() + pause > until:
                    raise
                await asyncio.sleep(pause)
            else:
                return
