"""Reckons for how long alerts have been missing at their source, look by look.

Like the silence of a dead man's signal it is what we have listened to, summed up: it grows neither
while nobody looked nor because somebody has set the clock.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

AlertEpisode = tuple[str, datetime]
"""Fingerprint and start."""


@dataclass(frozen=True)
class Absence:
    """An episode of an alert that fires here and is missing at its source."""

    fingerprint: str
    starts_at: datetime
    looked_at: datetime
    """When it was last found missing, by the database's clock."""
    seconds: float = 0.0
    """So long it has been missing in all looks without a break."""

    @property
    def episode(self) -> AlertEpisode:
        """Which episode is missing."""
        return self.fingerprint, self.starts_at


def looked(
    known: Iterable[Absence],
    missing: Collection[AlertEpisode],
    now: datetime,
    *,
    longest_look: float,
) -> list[Absence]:
    """Return what a look at `now` makes of the absences that were known before.

    No more than `longest_look` seconds are believed of the time between two looks.
    """
    before = {absence.episode: absence for absence in known}
    found = []
    for episode in sorted(missing):
        last = before.get(episode)
        passed = (now - last.looked_at).total_seconds() if last else 0.0
        seconds = (last.seconds if last else 0.0) + min(max(passed, 0.0), longest_look)
        found.append(Absence(*episode, now, seconds))
    return found
