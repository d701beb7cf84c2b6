"""Takes due work as soon as it is due, does it side by side, and stops without dropping any."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import structlog

from dexwatch.clock import Clock
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.work import Crashpoints, Settled, Work, lease_time, no_crash

_log = structlog.get_logger(__name__)

_RECORD_PAUSE_SECONDS = 0.2


class Sweeper:
    """One loop over one store; several may run, in one process or many."""

    def __init__(
        self,
        store: Store,
        deliver: Callable[[Work], Awaitable[Settled]],
        clock: Clock,
        *,
        owner: str,
        parallel: Mapping[str, int],
        poll_seconds: float = 0.5,
        on_settled: Callable[[Work, Settled], None] | None = None,
        crash: Crashpoints = no_crash,
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._clock = clock
        self._owner = owner
        self._parallel = parallel
        self._poll_seconds = poll_seconds
        self._on_settled = on_settled
        self._crash = crash
        self._woken = asyncio.Event()
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for due work at once; cheap and safe to call at any time."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is under way."""
        stopping = asyncio.create_task(self._wake_on(stop))
        try:
            while not stop.is_set():
                self._woken.clear()
                if not await self._sweep():
                    await self._pause()
        finally:
            stopping.cancel()
            # Every attempt is bounded by its own timeout, so this wait is, too.
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._woken.set()

    async def _sweep(self) -> bool:
        """Claim what there is room for; say whether anything was claimed."""
        room = {c: max(most - self._busy[c], 0) for c, most in self._parallel.items()}
        # The last free slot waits for a P0 or P1, which slow messages about less must not hold up.
        # A channel that sends one at a time has no slot to spare.
        calm = {c: free - 1 if self._parallel[c] > 1 else free for c, free in room.items()}
        try:
            claimed = await self._store.claim(
                owner=self._owner, now=self._clock(), room=room, calm=calm
            )
        except StoreUnavailableError:
            _log.warning("agenda.store_unavailable", doing="claim")
            return False
        except Exception:  # noqa: BLE001 - the next look may succeed; without one nobody is paged.
            _log.exception("agenda.claim_failed")
            return False
        if claimed:
            self._crash("work.claimed")
        for work in claimed:
            self._busy[work.channel] += 1
            task = asyncio.create_task(self._do(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return bool(claimed)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _do(self, work: Work) -> None:
        try:
            settled = await self._deliver(work)
            self._crash("work.sent")
            await self._record(work, settled)
            self._crash("work.recorded")
            if self._on_settled is not None:
                self._on_settled(work, settled)
        except StoreUnavailableError:
            # The lease runs out and the work comes back in doubt, which is the truth about it.
            _log.warning("agenda.store_unavailable", doing="record", work=work.id)
        except Exception:  # noqa: BLE001 - one bad piece of work must not stop the others.
            _log.exception("agenda.work_failed", work=work.id)
        finally:
            self._busy[work.channel] -= 1
            self._woken.set()

    async def _record(self, work: Work, settled: Settled) -> None:
        """Write the outcome down, trying again while the lease holds."""
        last = asyncio.get_running_loop().time() + lease_time(work.severity).total_seconds()
        while True:
            try:
                await self._store.settle(work, settled, self._clock())
            except StoreUnavailableError:
                if asyncio.get_running_loop().time() + _RECORD_PAUSE_SECONDS > last:
                    raise
                await asyncio.sleep(_RECORD_PAUSE_SECONDS)
            else:
                return
