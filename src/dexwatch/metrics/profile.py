"""How often the platform is looked at, and what that makes of windows and holds.

A rule and a panel are written once, in seconds of production.
A profile turns these seconds into PromQL durations: `PRODUCTION` leaves them as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dexwatch.metrics.scrape_class import ScrapeClass

SCRAPES_PER_WINDOW = 4
"""A rate needs two samples; four let it survive one lost scrape and one late one."""


@dataclass(frozen=True)
class EvaluationProfile:
    """Scrape intervals by class; a subclass may compress time as well."""

    name: str
    intervals_ms: Mapping[ScrapeClass, int]

    def scrape_ms(self, scrape_class: ScrapeClass) -> int:
        """Return the scrape interval in milliseconds."""
        return self.intervals_ms[scrape_class]

    def evaluate_ms(self, scrape_class: ScrapeClass) -> int:
        """Return how often rules of this class are evaluated, in milliseconds.

        Prometheus fixes the phase between a scrape and an evaluation by hash.
        If both took five seconds, an unlucky phase would double the delay of every P0.
        """
        scrape = self.scrape_ms(scrape_class)
        return min(scrape, 1000) if scrape_class is ScrapeClass.CRITICAL else scrape

    def record_ms(self, scrape_class: ScrapeClass) -> int:
        """Return how often recording rules of this class are evaluated, in milliseconds.

        Alerts read what was recorded in another group, whose phase is not theirs: three times as
        often as the alerts, it is never much older than a scrape would make it.
        """
        return max(1000, self.evaluate_ms(scrape_class) // 3)

    def window_ms(self, seconds: float, scrape_class: ScrapeClass) -> int:
        """Return the length of a range in milliseconds, never below four scrapes."""
        floor = SCRAPES_PER_WINDOW * self.scrape_ms(scrape_class)
        return max(floor, 1000 * round(self.window_wished(seconds)))

    def window_wished(self, seconds: float) -> float:
        """Return the seconds of a range before the scrapes bound them."""
        return seconds

    def window(self, seconds: float, scrape_class: ScrapeClass) -> str:
        """Return a PromQL range such as "5m", never below four scrapes of the class."""
        return duration(self.window_ms(seconds, scrape_class))

    def window_seconds(self, seconds: float, scrape_class: ScrapeClass) -> float:
        """Return the length of `window` in seconds, to turn a rate into a count."""
        return self.window_ms(seconds, scrape_class) / 1000

    def hold_ms(self, seconds: float) -> int:
        """Return a rule's `for` or `keep_firing_for` in milliseconds."""
        return round(max(0.0, seconds) * 1000)

    def events(self, wanted: int) -> int:
        """Return how many events a window must hold where a rule wants `wanted` of them."""
        return wanted


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


PRODUCTION = EvaluationProfile(
    "production",
    {
        ScrapeClass.CRITICAL: 5_000,
        ScrapeClass.HIGH: 15_000,
        ScrapeClass.STANDARD: 30_000,
        ScrapeClass.BUSINESS: 60_000,
        ScrapeClass.HISTORICAL: 300_000,
    },
)
