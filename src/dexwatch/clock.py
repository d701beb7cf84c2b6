"""The one place that reads the clock, so that everything that decides can be given a time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the wall-clock time; tests pass one that stands still or jumps."""

    def __call__(self) -> datetime:
        """Return the present moment as an aware UTC datetime."""


def now() -> datetime:
    """Return the present moment as an aware UTC datetime."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


class SteadyClock:
    """Wall-clock time that never steps: it is read once and carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._offset = now() - timedelta(seconds=monotonic())

    def __call__(self) -> datetime:
        """Return the present moment, whatever somebody has done to the machine's clock since."""
        return self._offset + timedelta(seconds=monotonic())
