"""The PromQL shapes that many rules share; each returns text for one pace."""

import math

from dexwatch.rules.pace import Cadence, Pace


def rate(
    pace: Pace, selector: str, *, seconds: float = 300, cadence: Cadence = Cadence.HIGH
) -> str:
    """Return the per-second rate of a counter over the window."""
    return f"rate({selector}[{pace.window(seconds, cadence)}])"


def total(
    pace: Pace,
    selector: str,
    *,
    by: str = "",
    seconds: float = 300,
    cadence: Cadence = Cadence.HIGH,
) -> str:
    """Return the summed rate of a counter, by the labels."""
    return f"sum{_by(by)}({rate(pace, selector, seconds=seconds, cadence=cadence)})"


def share(
    pace: Pace,
    part: str,
    whole: str,
    *,
    by: str = "",
    seconds: float = 300,
    cadence: Cadence = Cadence.HIGH,
) -> str:
    """Return the share of events that are in `part`; empty while there is none at all.

    A kind of failure that has never happened has no series, and its share is 0, not unknown.
    """
    above = total(pace, part, by=by, seconds=seconds, cadence=cadence)
    below = total(pace, whole, by=by, seconds=seconds, cadence=cadence)
    return f"({above} or {below} * 0) / ({below} > 0)"


def enough(
    pace: Pace,
    selector: str,
    events: int,
    *,
    by: str = "",
    seconds: float = 300,
    cadence: Cadence = Cadence.HIGH,
) -> str:
    """Return a guard: at least so many events within the window, so that one of two is no page.

    A shrunk window sees fewer events, so there a fifth of them is enough, though never under two.
    """
    needed = max(2, math.ceil(events / 5)) if pace.shrinks else events
    window = pace.window(seconds, cadence)
    return f"and sum{_by(by)}(increase({selector}[{window}])) >= {needed}"


def p95(
    pace: Pace,
    buckets: str,
    *,
    by: str = "",
    seconds: float = 300,
    cadence: Cadence = Cadence.HIGH,
) -> str:
    """Return the 95th percentile of a histogram, interpolated within its buckets."""
    labels = f"le, {by}" if by else "le"
    summed = total(pace, buckets, by=labels, seconds=seconds, cadence=cadence)
    return f"histogram_quantile(0.95, {summed})"


def latest(
    pace: Pace, selector: str, *, seconds: float = 120, cadence: Cadence = Cadence.CRITICAL
) -> str:
    """Return a state's last known value, so that a lost scrape does not look like recovery."""
    return f"last_over_time({selector}[{pace.window(seconds, cadence)}])"


def per_minute(
    pace: Pace,
    selector: str,
    *,
    by: str = "",
    seconds: float = 300,
    cadence: Cadence = Cadence.HIGH,
) -> str:
    """Return the summed rate of a counter per minute."""
    return f"{total(pace, selector, by=by, seconds=seconds, cadence=cadence)} * 60"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""
