"""What a database must be able to do for incidents; `storage` implements it and decides nothing.

A transaction has a repository for each aggregate. Whoever decides (`apply.py`) loads, decides and
saves within one transaction, so that a decision and its jobs are durable together or not at all.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from dexwatch.incidents.events import Event
from dexwatch.incidents.liveness.absence import Absence
from dexwatch.incidents.liveness.signal import Signal
from dexwatch.incidents.records import Alert, Incident, Notification, TimelineEntry
from dexwatch.incidents.state import Reason, Summary
from dexwatch.jobs.job import Job, JobResult, NewJob, QuarantinedJob
from dexwatch.jobs.queue import QueueUnavailableError, Slots
from dexwatch.response.clock_trust import ClockTrust
from dexwatch.response.views import (
    Counts,
    FiringAlert,
    IncidentFilter,
    IncidentView,
    Listing,
    MessageContext,
    MessageShown,
    StoredEvent,
)

T = TypeVar("T")
AlertKey = tuple[str, str]
"""Source and fingerprint."""


class StoreUnavailableError(QueueUnavailableError):
    """The database cannot be reached or does not answer in time; trying again may help."""


class RacedError(StoreUnavailableError):
    """Another process was faster; `Store.transact` does it all again."""


class StoreRefusedError(Exception):
    """The database does not take what we want to write, and never will: a mistake of ours."""


@dataclass(frozen=True)
class IncidentRecord:
    """An incident with what is known of its alerts and messages."""

    incident: Incident
    summary: Summary


@dataclass(frozen=True)
class DecidedEvent:
    """An event and what was made of it."""

    event: Event
    group: str
    reason: Reason
    incident_id: str | None
    incident_version: int | None
    changed: bool
    """False when it changed nothing: such repeats are counted, not kept."""


class EventRepository(Protocol):
    """What came in, kept whole."""

    async def add(self, decided: Sequence[DecidedEvent], now: datetime) -> None:
        """Append events in the order of their decisions."""


class AlertRepository(Protocol):
    """Alerts by source and fingerprint."""

    async def get(self, keys: Collection[AlertKey]) -> dict[AlertKey, Alert]:
        """Return the latest episode of each alert that is known."""

    async def save(self, alerts: Sequence[Alert]) -> None:
        """Write the latest episodes, and what their incidents show of them."""


class IncidentRepository(Protocol):
    """Incidents, one group at a time."""

    async def lock(self, groups: Collection[str]) -> dict[str, IncidentRecord]:
        """Let nobody else decide about these groups until the end of the transaction.

        Returns the newest incident of each group that had one.
        """

    async def get(self, ids: Collection[str]) -> dict[str, IncidentRecord]:
        """Return incidents by id."""

    async def next_numbers(self, count: int) -> list[int]:
        """Return numbers that no incident has ever had, in ascending order."""

    async def save(self, records: Sequence[IncidentRecord]) -> None:
        """Write incidents, new ones and known ones."""


class NotificationRepository(Protocol):
    """Notifications by id."""

    async def rounds(self, ids: Collection[str]) -> dict[str, Notification]:
        """Return these notifications and all others of their rounds."""

    async def save(self, notifications: Sequence[Notification]) -> None:
        """Write notifications, new ones and known ones."""

    async def shown(self, messages: Sequence[MessageShown], now: datetime) -> None:
        """Remember what recipients now see, never less than before."""


class TimelineRepository(Protocol):
    """The stories of incidents."""

    async def known(self, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return which of these lines (incident id, key) are there."""

    async def add(self, entries: Sequence[TimelineEntry]) -> None:
        """Add lines; those that are there already stay as they are."""


class JobRepository(Protocol):
    """Jobs as one transaction sees them."""

    async def add(self, jobs: Sequence[NewJob]) -> None:
        """Plan jobs; see `IfPlanned` for those that are there already."""

    async def expedite(self, keys: Collection[str]) -> None:
        """Make waiting jobs due now; queues that are held back stay so."""

    async def leased(self, job: Job) -> bool:
        """Does this holder's lease still count?"""

    async def settle(self, job: Job, result: JobResult) -> bool:
        """Record a result; False when the lease was lost, and then nothing but that is noted."""

    async def quarantined(self, key: str | None = None) -> list[QuarantinedJob]:
        """Return the jobs that are set aside, or one of them, the oldest first; at most 200."""

    async def release(self, key: str) -> None:
        """Make a quarantined job due now, as if it were new; what is uncertain stays so."""

    async def drop(self, key: str) -> None:
        """Give a quarantined job up."""


class SignalRepository(Protocol):
    """The dead man's signals, by source."""

    @property
    def now(self) -> datetime:
        """The database's clock."""

    async def heard(self, source: str) -> None:
        """Count a signal."""

    async def get(self, source: str) -> Signal:
        """Return what is known of a source."""

    async def save(self, signal: Signal) -> None:
        """Write what a check has found; signals received meanwhile are not lost."""


class AbsenceRepository(Protocol):
    """Alerts that fire here and are missing at their source."""

    @property
    def now(self) -> datetime:
        """The database's clock."""

    async def get(self, source: str) -> list[Absence]:
        """Return what is missing at a source; nobody else judges it until the end."""

    async def replace(self, source: str, absences: Sequence[Absence]) -> None:
        """Write what is missing now in the place of all that was."""


class ClockTrustRepository(Protocol):
    """What retention makes of the wall clock."""

    async def get(self) -> ClockTrust | None:
        """Return what the last look found, None before the first; nobody else looks meanwhile."""

    async def save(self, trust: ClockTrust) -> None:
        """Write what a look has found."""


@dataclass(frozen=True)
class Transaction:
    """All or nothing."""

    exclusive: bool
    """Can nobody else write meanwhile, so that what was read before a lock still holds?"""
    events: EventRepository
    alerts: AlertRepository
    incidents: IncidentRepository
    notifications: NotificationRepository
    timeline: TimelineRepository
    jobs: JobRepository
    signals: SignalRepository
    absences: AbsenceRepository
    clock_trust: ClockTrustRepository


class Store(Protocol):
    """Every method may raise `StoreUnavailableError`; what returned is durable."""

    async def transact(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in one transaction, again when another process was faster.

        Raises:
            StoreRefusedError: the database does not take it.
        """

    async def claim(
        self,
        *,
        owner: str,
        slots: Mapping[str, Slots],
        kinds: Sequence[str],
        underway: Collection[str] = (),
    ) -> list[Job]:
        """See `jobs.queue.Queue.claim`."""

    async def renew(self, job: Job) -> bool:
        """See `jobs.queue.Queue.renew`."""

    async def message_context(
        self, incident_id: str, channel: str, recipient: str
    ) -> MessageContext | None:
        """Return what a message is made from, as things stand now."""

    async def incidents(
        self, which: IncidentFilter, *, before: int | None = None, limit: int = 50
    ) -> Listing:
        """List incidents whose number is below `before`, newest first, at most 200."""

    async def incident(self, incident_id: str) -> IncidentView | None:
        """Return everything about one incident."""

    async def history(self, incident_id: str) -> list[StoredEvent]:
        """Return the kept events of the incident's group up to its last one, in order."""

    async def firing(self, source: str | None = None) -> list[Alert]:
        """Return all alerts that fire now, of one source or of all, the earliest first."""

    async def comparable(self, source: str) -> list[FiringAlert]:
        """Return the alerts of a source that fire now, in short: thousands are cheap."""

    async def counts(self) -> Counts:
        """Return the state of affairs in numbers."""

    async def prune(
        self, *, events_before: datetime, incidents_before: datetime
    ) -> tuple[int, bool]:
        """Delete a small batch of old events, and of incidents that were resolved before.

        Returns the number of rows and whether more may be left. What belongs to an unresolved
        incident is never deleted.
        """

    async def revision(self) -> int:
        """Return a number that differs whenever anything about any incident has changed."""
