"""The queue before the password check, fair by address and by name.

A check takes 64 MiB and 50 ms, so few run at a time. A place is taken only while a password is
being checked; whoever waits, waits in the line of his own address, and within it in the line of the
name. The lines are served in turn, so a flood from one address, however large, makes others wait
for one check. Browsers that have signed in before have lines of their own, which are served first.
"""

import asyncio
import ipaddress
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = 2
MOST_WAITING = 200
MOST_OF_ADDRESS = 10
"""Waiting or held back, of one address; browsers that are known are counted by themselves."""

_Lines = OrderedDict[str, deque[asyncio.Future[None]]]


class QueueFullError(Exception):
    """There is no room in this line."""


class CheckQueue:
    """Lets `AT_ONCE` password checks run, and says whose turn is next."""

    def __init__(self, *, at_once: int = AT_ONCE, most: int = MOST_WAITING) -> None:
        self._free, self._most = at_once, most
        self._lines: OrderedDict[str, _Lines] = OrderedDict()
        self._held: dict[str, int] = {}

    @asynccontextmanager
    async def turn(
        self, address: str, name: str, *, known: str = "", delay: float = 0.0
    ) -> AsyncIterator[None]:
        """Hold an attempt back by `delay` seconds, then until it may be checked.

        Raises:
            QueueFullError: too many wait from this address, or in all.
        """
        line = f"{_KNOWN}{known}" if known else subnet(address)
        if self._held.get(line, 0) >= MOST_OF_ADDRESS:
            raise QueueFullError
        self._held[line] = self._held.get(line, 0) + 1
        try:
            await asyncio.sleep(delay)
            await self._acquire(line, name)
            try:
                yield
            finally:
                self._release()
        finally:
            self._held[line] -= 1
            if not self._held[line]:
                del self._held[line]

    async def _acquire(self, line: str, name: str) -> None:
        if self._free and not self._lines:
            self._free -= 1
            return
        self._make_room(line)
        mine = asyncio.get_running_loop().create_future()
        self._lines.setdefault(line, OrderedDict()).setdefault(name, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                # The turn had just come: pass it on.
                self._release()
            else:
                self._drop(line, name, mine)
            raise

    def _release(self) -> None:
        following = self._next()
        if following is None:
            self._free += 1
        else:
            following.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        line = next((key for key in self._lines if key.startswith(_KNOWN)), None)
        line = line or next(iter(self._lines), None)
        if line is None:
            return None
        names = self._lines.pop(line)
        name, waiting = names.popitem(last=False)
        following = waiting.popleft()
        # Whoever was served goes to the end: first its name, then its address.
        if waiting:
            names[name] = waiting
        if names:
            self._lines[line] = names
        return following

    def _make_room(self, line: str) -> None:
        """When the queue is full, the longest line gives way to a shorter one."""
        sizes = {key: sum(map(len, names.values())) for key, names in self._lines.items()}
        if sum(sizes.values()) < self._most:
            return
        longest = max(sizes, key=lambda key: sizes[key])
        if sizes[longest] <= sizes.get(line, 0) + 1:
            raise QueueFullError
        name, waiting = next(reversed(self._lines[longest].items()))
        last = waiting[-1]
        self._drop(longest, name, last)
        last.set_exception(QueueFullError())

    def _drop(self, line: str, name: str, waiter: asyncio.Future[None]) -> None:
        names = self._lines.get(line, OrderedDict())
        if name in names and waiter in names[name]:
            names[name].remove(waiter)
            if not names[name]:
                del names[name]
            if not names:
                del self._lines[line]


_KNOWN = "known "


def subnet(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64 that one customer has to himself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
