"""Judges, look by look, whether the wall clock can be believed by what deletes by age.

A clock that has stepped ahead makes everything look old. A step cannot be told from time in which
nobody looked, so both hold deletion until the clock has run on evenly for days.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_STEP = timedelta(days=1)
"""More than this between two looks is a step; a restart or a repair takes less."""
_EVENLY = timedelta(days=3)
"""So long a clock that has stepped must run evenly, so that a weekend passes before it counts."""
_LONGEST_LOOK = timedelta(minutes=10)
"""No more is believed of the time between two looks, which is five minutes."""


@dataclass(frozen=True)
class ClockTrust:
    """What the last look at the clock found."""

    looked_at: datetime
    believed_at: datetime | None = None
    """The last moment that was believed; None before there was one."""
    even_seconds: float = 0.0
    """So long the clock has run evenly since it was last believed, in all looks together."""

    @property
    def believed(self) -> bool:
        """May something be deleted by this look's time?"""
        return self.believed_at == self.looked_at

    @property
    def step_seconds(self) -> float:
        """How far the clock stands ahead of the last moment believed; 0 where it is believed."""
        if self.believed_at is None:
            return 0.0
        return (self.looked_at - self.believed_at).total_seconds()


def looked(before: ClockTrust | None, now: datetime) -> ClockTrust:
    """Return what a look at `now` makes of what was known before.

    A clock that was put back is believed: by it less is old than was.
    """
    if before is None:
        return ClockTrust(now)
    passed = now - before.looked_at
    even = 0.0
    if abs(passed) <= _STEP:
        even = before.even_seconds + max(min(passed, _LONGEST_LOOK).total_seconds(), 0.0)
    near = before.believed_at is not None and now - before.believed_at <= _STEP
    if near or even >= _EVENLY.total_seconds():
        return ClockTrust(now, now)
    return ClockTrust(now, before.believed_at, even)
