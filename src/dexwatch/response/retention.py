"""Lets go of what has been kept for long enough, in small steps that no page waits for."""

import asyncio
from datetime import timedelta

import structlog

from dexwatch.clock import Clock
from dexwatch.response.store import Store, StoreUnavailableError

_log = structlog.get_logger(__name__)

_BATCHES = 60
"""At most so many in one round; what is left then waits for the next."""


class Housekeeper:
    """Prunes the store now and then; several may run, in one process or many."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        keep_signals: timedelta,
        keep_incidents: timedelta,
        every_seconds: float = 300.0,
        pause_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep_signals = keep_signals
        self._keep_incidents = keep_incidents
        self._every_seconds = every_seconds
        self._pause_seconds = pause_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Tidy up every so often until `stop` is set, never in the first minutes of the role."""
        while not await _stopped(stop, self._every_seconds):
            try:
                deleted = await self.once(stop)
            except StoreUnavailableError:
                _log.warning("agenda.store_unavailable", doing="prune")
            except Exception:  # noqa: BLE001 - tidying up is no reason to stop paging.
                _log.exception("agenda.prune_failed")
            else:
                if deleted:
                    _log.info("agenda.pruned", rows=deleted)

    async def once(self, stop: asyncio.Event) -> int:
        """Delete what is too old, with a rest between batches; return the number of rows."""
        deleted = 0
        for _ in range(_BATCHES):
            now = self._clock()
            rows, more = await self._store.prune(
                signals_before=now - self._keep_signals, incidents_before=now - self._keep_incidents
            )
            deleted += rows
            if not more or await _stopped(stop, self._pause_seconds):
                break
        return deleted


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for so long, or until `stop` is set; say whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return stop.is_set()
    return True
