"""What a database must be able to do for incidents and due work; `storage` implements it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dexwatch.incidents.events import Event
from dexwatch.incidents.records import (
    Alert,
    Incident,
    IncidentState,
    Page,
    TimelineEntry,
)
from dexwatch.incidents.state import Reason
from dexwatch.metrics.severity import Severity
from dexwatch.response.work import Settled, Work


class StoreUnavailableError(Exception):
    """The database cannot be reached or does not answer in time; trying again may help."""


@dataclass(frozen=True)
class Applied:
    """What became of one fact."""

    reason: Reason
    incident_id: str | None
    pages: int = 0
    """So many new pages were planned."""


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents to list; empty means all. `text` is looked for in title, group and id."""

    states: frozenset[IncidentState] = frozenset()
    severities: frozenset[Severity] = frozenset()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Listing:
    """One page of incidents, newest first; pass `next_before` for the following one."""

    incidents: tuple[Incident, ...]
    total: int
    next_before: int | None
    firing: Mapping[str, int] = field(default_factory=dict)
    """The number of firing alerts by incident id."""


@dataclass(frozen=True)
class IncidentView:
    """All that is known about one incident, the timeline in order of time."""

    incident: Incident
    alerts: tuple[Alert, ...]
    pages: tuple[Page, ...]
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True)
class Briefing:
    """What a message to one recipient is made from."""

    incident: Incident
    alerts: tuple[Alert, ...]
    pages: tuple[Page, ...]
    """Those to this recipient."""
    handle: str | None = None
    last_notified_version: int = 0
    last_notified_state: IncidentState | None = None


@dataclass(frozen=True)
class Counts:
    """The state of affairs in figures."""

    open: Mapping[Severity, int]
    overdue: int
    """Work that nobody has taken for more than two seconds after it was due or its lease ended."""


class Store(Protocol):
    """Every method may raise `StoreUnavailableError`; what returned is durable."""

    async def apply(self, facts: Sequence[Event], now: datetime) -> list[Applied]:
        """Decide about the facts in order, in one transaction; all or none are applied."""

    async def claim(
        self,
        *,
        owner: str,
        now: datetime,
        room: Mapping[str, int],
        calm: Mapping[str, int] | None = None,
    ) -> list[Work]:
        """Take due work, the most urgent first, at most `room[channel]` pieces for each channel.

        Less than P0 and P1 is taken only within the first `calm[channel]` of these pieces.

        Work for a channel that `room` does not name is taken, too, so that it can fail loudly.

        Work whose lease ran out is taken too, in doubt, and its outcome is recorded as unknown.
        """

    async def settle(self, work: Work, settled: Settled, now: datetime) -> None:
        """Record how an attempt ended, and when to try again."""

    async def briefing(self, work: Work) -> Briefing | None:
        """Return what the message is made from, as it stands now."""

    async def incidents(
        self, which: IncidentFilter, *, before: int | None = None, limit: int = 50
    ) -> Listing:
        """List incidents whose number is below `before`, newest first, at most 200."""

    async def incident(self, incident_id: str) -> IncidentView | None:
        """Return everything about one incident."""

    async def firing(self, *, limit: int = 1000) -> list[Alert]:
        """Return alerts that fire now, suppressed ones too, the earliest first."""

    async def counts(self, now: datetime) -> Counts:
        """Return the state of affairs in figures."""

    async def prune(
        self, *, signals_before: datetime, incidents_before: datetime
    ) -> tuple[int, bool]:
        """Delete a small batch of old signals, and of incidents that were resolved before.

        Returns the number of rows and whether more may be left. What belongs to an unresolved
        incident is never deleted.
        """

    async def revision(self) -> int:
        """Return a number that differs whenever anything about any incident has changed."""
