"""Slows down guessing: too many failed sign-ins from one address, or for one name, must wait."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from dexwatch.console.contracts import Now

MOST_KEYS = 10_000


class Throttle:
    """Counts failures by key within a window; forgets the oldest keys when there are too many."""

    def __init__(self, *, failures: int, within: timedelta, now: Now) -> None:
        self._failures, self._within, self._now = failures, within, now
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait(self, *keys: str) -> timedelta | None:
        """Return how long the caller must wait, or None when it may try now."""
        waits = [left for key in keys if (left := self._left(key)) is not None]
        return max(waits, default=None)

    def failed(self, *keys: str) -> None:
        """Count a failure for each key."""
        for key in keys:
            failures = self._seen.setdefault(key, deque(maxlen=self._failures))
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
        left = failures[0] + self._within - self._now()
        return left if left > timedelta(0) else None
