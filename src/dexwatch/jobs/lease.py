"""Tells a lease whose holder is gone from one that is held, without comparing any two clocks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dexwatch.clock import monotonic


@dataclass(frozen=True)
class Lease:
    """A lease as one look at the queue found it."""

    token: str
    """Another one with each claim."""
    renewals: int
    """Rises with each sign of life of its holder."""
    seconds: float
    """Its length."""


class LeaseWatch:
    """Remembers since when each lease has been seen unrenewed, by this process's steady clock.

    This is how leaders are elected in Kubernetes (client-go, `leaderelection`): a lease has lapsed
    for a process that has itself seen it unrenewed for its whole length. So no clock that is set,
    the database's or a host's, makes it earlier or later; a process that has just started waits for
    one length in any case.
    """

    def __init__(self, steady: Callable[[], float] = monotonic) -> None:
        """Make one; `steady` gives seconds on a clock that never goes back."""
        self._steady = steady
        self._seen: dict[Lease, float] = {}

    def look(self, leases: Iterable[Lease]) -> list[Lease]:
        """Take in all leases that are held now; return those that have lapsed."""
        now = self._steady()
        self._seen = {lease: self._seen.get(lease, now) for lease in leases}
        return [lease for lease, since in self._seen.items() if now - since >= lease.seconds]

    def gave(self, leases: Iterable[Lease]) -> None:
        """Take in leases that this process has just given."""
        self._seen.update(dict.fromkeys(leases, self._steady()))

    def forget(self) -> None:
        """Begin anew: the database was away, so that no holder could show that it lives."""
        self._seen = {}

    def overdue(self, seconds: float) -> int:
        """Count leases that had lapsed so long before the last look."""
        now = self._steady()
        return sum(now - since >= one.seconds + seconds for one, since in self._seen.items())
