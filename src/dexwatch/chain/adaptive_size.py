"""How much to ask for at once of a peer whose limit is not known and may change."""

from collections.abc import Callable

from dexwatch import clock
from dexwatch.backoff import Backoff, Failures

_QUIET = Backoff(first=60.0, most=3600.0)
"""How long the size stays small after a refusal."""


class AdaptiveSize:
    """Halved by a refusal, doubled after a quiet time, which grows with refusals in a row."""

    def __init__(
        self,
        most: int,
        *,
        start: int | None = None,
        key: str = "",
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.now = most if start is None else start
        self._most = most
        self._monotonic = monotonic
        self._refusals = Failures(_QUIET, key=f"size {key}")
        self._grow_at = float("-inf") if self.now < most else float("inf")

    def refused(self, size: int, *, permitted: int | None = None) -> None:
        """So much was refused; `permitted` is what the peer says that it would take."""
        self.now = max(size // 2, 1)
        if permitted is not None and 0 < permitted < size:
            self.now = permitted
        self._grow_at = self._monotonic() + self._refusals.failed()

    def recover(self, size: int) -> None:
        """The refusals since the size was this one were not for the size."""
        self.now = size
        self._refusals.succeeded()
        small = size < self._most
        self._grow_at = self._monotonic() + _QUIET.first if small else float("inf")

    def accepted(self) -> None:
        """The present size was taken: after the quiet time twice as much is tried."""
        if self._monotonic() < self._grow_at:
            return
        self.now = min(self.now * 2, self._most)
        self._grow_at = self._monotonic() + _QUIET.first
        if self.now == self._most:
            self._refusals.succeeded()
            self._grow_at = float("inf")
