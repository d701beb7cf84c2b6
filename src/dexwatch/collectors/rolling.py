"""Sums over the last 24 hours of block time, in a bounded number of steps."""

from collections import deque

SPAN_MS = 24 * 3_600_000
_STEP_MS = 300_000


class RollingSum:
    """A sum over the last day, or since the first amount where that is shorter."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, float]] = deque()
        self._total = 0.0
        self._first_ms: int | None = None
        self._now_ms = 0

    @property
    def total(self) -> float:
        """The sum."""
        return max(self._total, 0.0)

    def per_day(self, *, least_ms: int = 60_000) -> float:
        """Return the sum scaled to a day; what is younger than `least_ms` counts as that old."""
        if self._first_ms is None:
            return 0.0
        age = min(max(self._now_ms - self._first_ms, least_ms), SPAN_MS)
        return self.total * SPAN_MS / age

    def advance(self, now_ms: int) -> None:
        """Let time pass: what is older than a day falls out."""
        self._now_ms = max(self._now_ms, now_ms)
        if self._first_ms is None:
            self._first_ms = now_ms
        while self._steps and self._steps[0][0] < self._now_ms - SPAN_MS:
            self._total -= self._steps.popleft()[1]

    def add(self, now_ms: int, amount: float) -> None:
        """Add an amount at a block's time."""
        self.advance(now_ms)
        step = self._now_ms - self._now_ms % _STEP_MS
        if self._steps and self._steps[-1][0] == step:
            self._steps[-1] = (step, self._steps[-1][1] + amount)
        else:
            self._steps.append((step, amount))
        self._total += amount
