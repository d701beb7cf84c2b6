"""Says whose message goes next where only so many may be under way: the gravest first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

from dexwatch.incidents.policy import URGENT
from dexwatch.metrics.severity import Severity


class Turns:
    """Permits to send; where there are several, the last is kept for P0 and P1."""

    def __init__(self, most: int) -> None:
        """Give out at most so many permits at once, of which there is at least one."""
        self._free = most
        self._kept = 1 if most > 1 else 0
        self._waiting: list[tuple[str, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @asynccontextmanager
    async def turn(self, severity: Severity) -> AsyncIterator[None]:
        """Hold a permit; whoever waits for one is bounded by the caller's timeout."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (severity.value, next(self._arrivals), granted))
        self._grant()
        try:
            await granted
            yield
        finally:
            # A permit that was granted just when its holder gave up goes on to the next, too.
            if granted.done() and not granted.cancelled():
                self._free += 1
            self._grant()

    def _grant(self) -> None:
        while self._waiting:
            severity, _, granted = self._waiting[0]
            kept = 0 if Severity(severity) in URGENT else self._kept
            if not granted.cancelled():
                if self._free <= kept:
                    return
                self._free -= 1
                granted.set_result(None)
            heappop(self._waiting)
