"""Decides when a dead man's signal has been missing for too long.

Silence is what we have listened to, summed up from look to look. So it grows neither while we
ourselves were away nor because somebody has set the clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

_TICK = timedelta(milliseconds=1)
"""Two episodes of an alert never begin at the same millisecond."""


@dataclass(frozen=True)
class Signal:
    """What is known of the signal of one source."""

    source: str
    beats: int = 0
    """So many signals have ever come."""
    seen_at: datetime | None = None
    """When the last one came."""
    judged_beats: int = 0
    """As many had come by the last look."""
    checked_at: datetime | None = None
    """When that was."""
    silent: float = 0.0
    """Seconds listened to since the last signal; below zero while the start is waited for."""
    missing: bool = False
    missing_since: datetime | None = None
    """When it was last found missing; orders the episodes of its alert."""


@dataclass(frozen=True)
class Patience:
    """How long the signal may stay away, in seconds."""

    silence: float
    grace: float
    """After our own start, in which the source may be starting, too."""

    @property
    def look_every(self) -> float:
        """How often to look."""
        return min(max(self.silence / 12, 0.1), 10.0)

    @property
    def longest_look(self) -> float:
        """No more is believed of what one look seems to have listened to."""
        return 3 * self.look_every


def started(signal: Signal, patience: Patience) -> Signal:
    """Return what is known when we begin to listen: the source gets its time to start."""
    return replace(
        signal, checked_at=None, silent=min(signal.silent, patience.silence - patience.grace)
    )


def looked(signal: Signal, now: datetime, patience: Patience) -> Signal:
    """Return what a look at `now`, by any clock, makes of a signal."""
    if signal.beats != signal.judged_beats:
        return replace(signal, judged_beats=signal.beats, checked_at=now, silent=0.0, missing=False)
    passed = (now - signal.checked_at).total_seconds() if signal.checked_at else 0.0
    silent = signal.silent + min(max(passed, 0.0), patience.longest_look)
    signal = replace(signal, checked_at=now, silent=silent)
    if signal.missing or silent < patience.silence:
        return signal
    last = signal.missing_since
    since = now if last is None else max(now, last + _TICK)
    return replace(signal, missing=True, missing_since=since)
