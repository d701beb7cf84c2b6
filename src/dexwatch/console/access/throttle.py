"""Slows down guessing, and locks nobody out.

Too many failures under one key must wait; a key that others can fail for (a name, an address) is
only delayed, by a time that grows and stays short.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from dexwatch.console.protocols import Now

MOST_KEYS = 10_000
LONGEST_DELAY = 4.0
_FIRST_DELAY = 0.25
_REMEMBERED = 16


class Throttle:
    """Counts failures by key within a window; forgets the oldest keys when there are too many."""

    def __init__(self, *, failures: int, within: timedelta, now: Now) -> None:
        self._failures, self._within, self._now = failures, within, now
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait(self, *keys: str) -> timedelta | None:
        """Return how long the caller must wait, or None when it may try now."""
        waits = [left for key in keys if (left := self._left(key)) is not None]
        return max(waits, default=None)

    def delay(self, *keys: str) -> float:
        """Return the seconds to hold an attempt back: none at first, then growing, never long."""
        since = self._now() - self._within
        most = max((sum(at > since for at in self._seen.get(key, ())) for key in keys), default=0)
        if most < self._failures:
            return 0.0
        return min(_FIRST_DELAY * 2.0 ** (most - self._failures), LONGEST_DELAY)

    def failed(self, *keys: str) -> None:
        """Count a failure for each key."""
        for key in keys:
            kept = max(_REMEMBERED, self._failures)
            failures = self._seen.setdefault(key, deque(maxlen=kept))
            failures.append(self._now())
            self._seen.move_to_end(key)
        while len(self._seen) > MOST_KEYS:
            self._seen.popitem(last=False)

    def forget(self, *keys: str) -> None:
        """A success clears the keys."""
        for key in keys:
            self._seen.pop(key, None)

    def _left(self, key: str) -> timedelta | None:
        failures = self._seen.get(key)
        if failures is None or len(failures) < self._failures:
            return None
        left = failures[-self._failures] + self._within - self._now()
        return left if left > timedelta(0) else None
