"""How fast the platform is looked at, and how that stretches windows and holds.

A rule is written once, in production seconds.
The pace turns these seconds into PromQL durations: unchanged in production, shrunk in the sample,
where a demonstration has to react within seconds and resolve soon after the fault is lifted.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SCRAPES_PER_WINDOW = 4
"""A rate needs two samples; four let it survive one lost scrape and one late one."""


class Cadence(StrEnum):
    """How often a thing is scraped and its rules are evaluated."""

    CRITICAL = "critical"
    HIGH = "high"
    STANDARD = "standard"
    BUSINESS = "business"
    HISTORICAL = "historical"


@dataclass(frozen=True)
class Pace:
    """Scrape intervals by cadence, and the scale of windows and holds."""

    name: str
    intervals_ms: Mapping[Cadence, int]
    shrinks: bool = False
    """True: windows and holds are compressed, as in the sample."""

    def scrape_ms(self, cadence: Cadence) -> int:
        """Return the scrape interval in milliseconds."""
        return self.intervals_ms[cadence]

    def evaluate_ms(self, cadence: Cadence) -> int:
        """Return how often rules of this cadence are evaluated, in milliseconds.

        Prometheus fixes the phase between a scrape and an evaluation by hash.
        If both took five seconds, an unlucky phase would double the delay of every P0.
        """
        scrape = self.scrape_ms(cadence)
        return min(scrape, 1000) if cadence is Cadence.CRITICAL else scrape

    def window_ms(self, seconds: float, cadence: Cadence) -> int:
        """Return the length of a range in milliseconds, never below four scrapes.

        Shrunk, five minutes become ten seconds and longer ranges grow with the square root,
        up to two minutes, so that a baseline stays several times as long as what it judges.
        """
        wanted = seconds * 1000
        if self.shrinks:
            wanted = min(120_000, 10_000 * math.sqrt(max(1.0, seconds / 300)))
        floor = SCRAPES_PER_WINDOW * self.scrape_ms(cadence)
        return max(floor, 1000 * round(wanted / 1000))

    def window(self, seconds: float, cadence: Cadence) -> str:
        """Return a PromQL range such as "5m", never below four scrapes of the cadence."""
        return duration(self.window_ms(seconds, cadence))

    def hold_ms(self, seconds: float) -> int:
        """Return a hold in milliseconds; shrunk, a minute becomes a second and four the most."""
        if seconds <= 0:
            return 0
        if self.shrinks:
            return 1000 * max(1, min(4, math.ceil(seconds / 60)))
        return round(seconds * 1000)

    def hold(self, seconds: float) -> str:
        """Return the duration for a rule's `for` or `keep_firing_for`."""
        return duration(self.hold_ms(seconds))

    def window_seconds(self, seconds: float, cadence: Cadence) -> float:
        """Return the length of `window` in seconds, to turn a rate into a count."""
        return self.window_ms(seconds, cadence) / 1000


def duration(milliseconds: int) -> str:
    """Write a PromQL duration with the largest unit that leaves a whole number.

    >>> duration(300_000), duration(90_000), duration(1500), duration(0)
    ('5m', '90s', '1500ms', '0s')
    """
    if milliseconds == 0:
        return "0s"
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


PRODUCTION = Pace(
    "production",
    {
        Cadence.CRITICAL: 5_000,
        Cadence.HIGH: 15_000,
        Cadence.STANDARD: 30_000,
        Cadence.BUSINESS: 60_000,
        Cadence.HISTORICAL: 300_000,
    },
)
SAMPLE = Pace(
    "sample",
    {
        Cadence.CRITICAL: 1_000,
        Cadence.HIGH: 1_000,
        Cadence.STANDARD: 2_000,
        Cadence.BUSINESS: 2_000,
        Cadence.HISTORICAL: 5_000,
    },
    shrinks=True,
)
PACES = {pace.name: pace for pace in (PRODUCTION, SAMPLE)}
