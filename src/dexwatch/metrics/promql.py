"""The PromQL shapes that rules and panels share; each returns text for the windows in use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dexwatch.metrics.profile import EvaluationProfile, duration
from dexwatch.metrics.scrape_class import CRITICAL, HIGH, ScrapeClass

RATE_SECONDS = 300
"""Up to here a window is only as long as a rate needs; a longer one is what the panel is about."""


class Windows(Protocol):
    """Turns a wish ("about five minutes") into a PromQL range that fits the scrape interval."""

    def window(self, seconds: float, scrape_class: ScrapeClass) -> str:
        """Return a PromQL duration such as `5m`, long enough for a rate at that class."""


@dataclass(frozen=True)
class SteppedWindows:
    """Windows of a range query: never shorter than the step between two points.

    A point that looks back less than a step tells nothing of what lies between it and the one
    before; a spike there would be invisible.
    """

    profile: EvaluationProfile
    step_seconds: float = 0.0

    def window(self, seconds: float, scrape_class: ScrapeClass) -> str:
        """Return the wished range, at least four scrapes and at least one step long."""
        step = 1000 * -(-round(self.step_seconds * 1000) // 1000)
        # A figure of the last hour says so: no profile may make seconds of it.
        stated = 1000 * round(seconds) if seconds > RATE_SECONDS else 0
        return duration(max(self.profile.window_ms(seconds, scrape_class), step, stated))


def by_clause(labels: str | Sequence[str]) -> str:
    """Return ` by (a, b) `, or nothing without labels."""
    named = labels if isinstance(labels, str) else ", ".join(labels)
    return f" by ({named}) " if named else ""


def rate(
    windows: Windows, selector: str, *, seconds: float = 300, scrape_class: ScrapeClass = HIGH
) -> str:
    """Return the per-second rate of a counter over the window."""
    return f"rate({selector}[{windows.window(seconds, scrape_class)}])"


def total(
    windows: Windows,
    selector: str,
    *,
    by: str = "",
    seconds: float = 300,
    scrape_class: ScrapeClass = HIGH,
) -> str:
    """Return the summed rate of a counter, by the labels."""
    each = rate(windows, selector, seconds=seconds, scrape_class=scrape_class)
    return f"sum{by_clause(by)}({each})"


def share(
    windows: Windows,
    part: str,
    whole: str,
    *,
    by: str = "",
    seconds: float = 300,
    scrape_class: ScrapeClass = HIGH,
) -> str:
    """Return the share of events that are in `part`; empty while there is none at all.

    A kind of failure that has never happened has no series, and its share is 0, not unknown.
    """
    above = total(windows, part, by=by, seconds=seconds, scrape_class=scrape_class)
    below = total(windows, whole, by=by, seconds=seconds, scrape_class=scrape_class)
    return f"({above} or {below} * 0) / ({below} > 0)"


def part_of_both(
    windows: Windows,
    part: str,
    rest: str,
    *,
    by: str,
    seconds: float = 300,
    scrape_class: ScrapeClass = HIGH,
) -> str:
    """Return the share of `part` where it and the rest are counted apart, as hits and misses."""
    above, other = (
        total(windows, each, by=by, seconds=seconds, scrape_class=scrape_class)
        for each in (part, rest)
    )
    return f"{above} / ({above} + {other} > 0)"


def quantile(
    windows: Windows,
    q: float,
    buckets: str,
    *,
    by: str = "",
    seconds: float = 300,
    scrape_class: ScrapeClass = HIGH,
) -> str:
    """Return a quantile of a histogram, interpolated within its buckets."""
    labels = f"le, {by}" if by else "le"
    summed = total(windows, buckets, by=labels, seconds=seconds, scrape_class=scrape_class)
    return f"histogram_quantile({q:g}, {summed})"


def enough(
    profile: EvaluationProfile,
    selector: str,
    events: int,
    *,
    by: str = "",
    seconds: float = 300,
    scrape_class: ScrapeClass = HIGH,
) -> str:
    """Return a condition: so many events within the window, so that one of two is no page."""
    window = profile.window(seconds, scrape_class)
    return f"and sum{by_clause(by)}(increase({selector}[{window}])) >= {profile.events(events)}"


def latest(
    windows: Windows, selector: str, *, seconds: float = 120, scrape_class: ScrapeClass = CRITICAL
) -> str:
    """Return a state's last known value, so that a lost scrape does not look like recovery."""
    return f"last_over_time({selector}[{windows.window(seconds, scrape_class)}])"


def latest_of(
    selector: object, *, of: str = "max", by: str = "", scrape_class: ScrapeClass = CRITICAL
) -> Callable[[Windows], str]:
    """Return the writer of a state's last known value, of several the greatest, by the labels."""
    return lambda w: f"{of}{by_clause(by)}({latest(w, str(selector), scrape_class=scrape_class)})"


def gained(
    selector: object, *, by: str = "", seconds: float, scrape_class: ScrapeClass = HIGH
) -> Callable[[Windows], str]:
    """Return the writer of how many events a counter counted in the window, summed by the labels.

    `increase` makes 2.1 of two, and four in a young series, because it extrapolates to the ends of
    the window. So what it says counts only where the counter began anew, without its fraction.
    """

    def write(windows: Windows) -> str:
        held = f"{selector}[{windows.window(seconds, scrape_class)}]"
        counted = f"max_over_time({held}) - min_over_time({held}) unless resets({held}) > 0"
        return f"sum{by_clause(by)}({counted} or floor(increase({held})))"

    return write


def seen_down(profile: EvaluationProfile, selector: str) -> str:
    """Return 0 while a state is 0 and has been so in two samples of the last moments, else 1.

    One time-out of an exporter's own connection is no proof, and a second look costs one scrape.
    """
    samples = f"{selector}[{profile.window(20, CRITICAL)}]"
    failed = f"count_over_time({samples}) - sum_over_time({samples}) >= bool 2"
    return f"1 - ({failed}) * (1 - last_over_time({samples}))"


def per_minute(
    windows: Windows,
    selector: str,
    *,
    by: str = "",
    seconds: float = 300,
    scrape_class: ScrapeClass = HIGH,
) -> str:
    """Return the summed rate of a counter per minute."""
    return f"{total(windows, selector, by=by, seconds=seconds, scrape_class=scrape_class)} * 60"
