"""Decides when a dead man's signal has been missing for too long.

Silence is the time for which we have listened, summed up from check to check. So it grows neither
while we ourselves were down nor because somebody has set the clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_TICK = timedelta(milliseconds=1)
"""Two episodes of an alert never begin at the same millisecond."""


@dataclass(frozen=True)
class Signal:
    """What is known of the signal of one source."""

    source: str
    heartbeats: int = 0
    """The number of signals received so far."""
    seen_at: datetime | None = None
    """When the last one came."""
    checked_heartbeats: int = 0
    """The number received by the last check."""
    checked_at: datetime | None = None
    """When that was."""
    silent: float = 0.0
    """Seconds listened to since the last signal; below zero while the start is waited for."""
    missing: bool = False
    missing_since: datetime | None = None
    """When it was last found missing; orders the episodes of its alert."""


@dataclass(frozen=True)
class HeartbeatTimeout:
    """How long the signal may be missing, in seconds."""

    silence: float
    grace: float
    """After our own start, in which the source may be starting, too."""

    @property
    def check_interval(self) -> float:
        """How often to check, in seconds."""
        return min(max(self.silence / 12, 0.1), 10.0)

    @property
    def longest_check(self) -> float:
        """The most seconds of silence that one check adds, however the clock was set."""
        return 3 * self.check_interval


def started(signal: Signal, timeout: HeartbeatTimeout) -> Signal:
    """Return the signal as we begin to listen: the source gets its grace to start."""
    return replace(
        signal, checked_at=None, silent=min(signal.silent, timeout.silence - timeout.grace)
    )


def checked(signal: Signal, now: datetime, timeout: HeartbeatTimeout) -> Signal:
    """Return the signal as found by a check at `now`, by any clock."""
    if signal.heartbeats != signal.checked_heartbeats:
        return replace(
            signal, checked_heartbeats=signal.heartbeats, checked_at=now, silent=0.0, missing=False
        )
    passed = (now - signal.checked_at).total_seconds() if signal.checked_at else 0.0
    silent = signal.silent + min(max(passed, 0.0), timeout.longest_check)
    signal = replace(signal, checked_at=now, silent=silent)
    if signal.missing or silent < timeout.silence:
        return signal
    last = signal.missing_since
    since = now if last is None else max(now, last + _TICK)
    return replace(signal, missing=True, missing_since=since)


def alive(signal: Signal, now: datetime, timeout: HeartbeatTimeout) -> bool:
    """Has a look of late found that the signal comes? Who does not look knows nothing."""
    if signal.checked_at is None or signal.missing or signal.seen_at is None:
        return False
    age = abs((now - signal.checked_at).total_seconds())
    return age <= timeout.longest_check and 0.0 <= signal.silent < timeout.silence
