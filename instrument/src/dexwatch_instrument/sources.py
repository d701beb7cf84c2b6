"""Which source addresses fail to sign in suspiciously often."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock


class SuspiciousSources:
    """Remembers the failed sign-ins of the most recent `keep` addresses for `window` seconds.

    An address is suspicious while it has more than `limit` failures within the window.
    Memory is bounded by keep * (limit + 1) times, however many addresses come along.
    """

    def __init__(
        self,
        *,
        limit: int = 10,
        window: float = 60.0,
        keep: int = 10_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window = window
        self._keep = keep
        self._now = now
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def failed(self, address: str) -> bool:
        """Record a failure; return whether the address is suspicious now."""
        with self._lock:
            times = self._failures.setdefault(address, deque(maxlen=self._limit + 1))
            self._failures.move_to_end(address)
            times.append(self._now())
            if len(self._failures) > self._keep:
                self._failures.popitem(last=False)
            return self._suspicious(times)

    def count(self) -> int:
        """Return how many addresses are suspicious now, and forget those that calmed down."""
        with self._lock:
            oldest = self._now() - self._window
            for address in [a for a, times in self._failures.items() if times[-1] < oldest]:
                del self._failures[address]
            return sum(self._suspicious(times) for times in self._failures.values())

    def _suspicious(self, times: deque[float]) -> bool:
        return len(times) > self._limit and times[0] >= self._now() - self._window
