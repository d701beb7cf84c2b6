"""Who is told at which severity, and how patient we are; an incident keeps what it began with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from dexwatch.metrics.severity import Severity


@dataclass(frozen=True, order=True)
class Route:
    """One recipient on one channel, for example `Route("email", "ana@example.org")`."""

    channel: str
    recipient: str


@dataclass(frozen=True)
class Policy:
    """The rules of one response."""

    routes: Mapping[Severity, tuple[Route, ...]] = field(default_factory=dict)
    reopen_window: timedelta = timedelta(minutes=15)
    """A fault that returns within it continues the same incident."""
    repage_interval: timedelta = timedelta(minutes=5)
    """A fault that returns pages again only after so long without a page; doubles each time."""
    repage_interval_limit: timedelta = timedelta(hours=1)
    confirm_urgent_resolution: bool = False
    """P0 and P1 wait for a person's confirmation after their alerts are over."""

    def routes_for(self, severity: Severity) -> tuple[Route, ...]:
        """Return who is paged; an urgent severity without routes pages everybody we know of."""
        own = self.routes.get(severity, ())
        if own or severity not in URGENT:
            return own
        return self.everyone()

    def everyone(self) -> tuple[Route, ...]:
        """Return every route once, those of the worst severity first."""
        return tuple(dict.fromkeys(r for s in Severity for r in self.routes.get(s, ())))

    def repage_after(self, reopened: int) -> timedelta:
        """Return how long after a page a returning fault stays without another."""
        # 2**16 times any sensible quiet time is past any sensible limit.
        return min(
            self.repage_interval * (1 << min(max(reopened - 1, 0), 16)), self.repage_interval_limit
        )

    def waits_for_person(self, severity: Severity) -> bool:
        """Does an incident of this severity stay open until somebody confirms its end?"""
        return self.confirm_urgent_resolution and severity in URGENT


URGENT = frozenset({Severity.P0, Severity.P1})
"""Severities for which a duplicate page is cheaper than a missed one."""
