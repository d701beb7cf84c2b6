"""The store of incidents and jobs over SQL; implements `response.store.Store`."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from dexwatch.backoff import Backoff
from dexwatch.clock import monotonic
from dexwatch.incidents.records import Alert
from dexwatch.jobs.job import Job
from dexwatch.jobs.lease import Lease, LeaseWatch
from dexwatch.jobs.queue import Slots
from dexwatch.response.store import RacedError, StoreUnavailableError, Transaction
from dexwatch.response.views import (
    Counts,
    FiringAlert,
    IncidentFilter,
    IncidentView,
    Listing,
    MessageContext,
    StoredEvent,
)
from dexwatch.storage import events, reading, retention
from dexwatch.storage.database import Database, open_database
from dexwatch.storage.events import SqlEvents
from dexwatch.storage.incidents import (
    SqlAbsences,
    SqlAlerts,
    SqlIncidents,
    SqlNotifications,
    SqlSignals,
    SqlTimeline,
)
from dexwatch.storage.jobs import SqlJobs

_log = structlog.get_logger(__name__)

_TRIES = 6
_AGAIN = Backoff(first=0.02, most=0.5, spread=0.5)
MEND_SECONDS = 15.0
"""So often times are looked for that a clock has set which was put back unseen."""

T = TypeVar("T")


async def open_store(
    url: str,
    *,
    clock: Callable[[], datetime] | None = None,
    steady: Callable[[], float] = monotonic,
) -> "SqlStore":
    """Open the database and bring its schema up to date.

    Args:
        url: the address for SQLAlchemy.
        clock: instead of the database's, for tests.
        steady: instead of the process's monotonic clock, for tests.

    Raises:
        StoreUnavailableError: it cannot be reached.
        SchemaError: another dexwatch has used it, and this one cannot take it over.
    """
    return SqlStore(await open_database(url, clock), LeaseWatch(steady))


class SqlStore:
    """Incidents and jobs in one database; safe to share among tasks and processes."""

    def __init__(self, database: Database, leases: LeaseWatch) -> None:
        self.database = database
        self._leases = leases
        self._mended_at: int | None = None

    async def transact(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `act` in one transaction, again when another process was faster."""
        for failures in range(1, _TRIES):
            try:
                return await self._once(act)
            except RacedError as error:
                _log.info("store.raced", error=str(error), tries=failures)
                await asyncio.sleep(_AGAIN.delay(failures, key=str(id(act))))
        return await self._once(act)

    async def _once(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self.database.write() as connection:
            now = await self.database.now(connection)
            return await act(
                Transaction(
                    exclusive=not self.database.postgresql,
                    events=SqlEvents(connection),
                    alerts=SqlAlerts(connection),
                    incidents=SqlIncidents(connection),
                    notifications=SqlNotifications(connection),
                    timeline=SqlTimeline(connection),
                    jobs=SqlJobs(connection, now),
                    signals=SqlSignals(connection, now),
                    absences=SqlAbsences(connection, now),
                    clock_trust=retention.SqlClockTrust(connection),
                )
            )

    async def claim(
        self,
        *,
        owner: str,
        slots: Mapping[str, Slots],
        kinds: Sequence[str],
        underway: Collection[str] = (),
    ) -> list[Job]:
        """Take due jobs and those whose lease has lapsed, the most urgent first."""
        try:
            async with self.database.read() as connection:
                now = await self.database.now(connection)
                jobs = SqlJobs(connection, now)
                held, due = await jobs.leases(), await jobs.anything_due(kinds)
            lapsed = [one for one in self._leases.look(held) if one.token not in underway]
            if self._clock_odd(now):
                async with self.database.write() as connection:
                    await SqlJobs(connection, now).mend_times()
                self._mended_at, due = now, True
            if not due and not lapsed:
                return []
            async with self.database.write() as connection:
                jobs = SqlJobs(connection, await self.database.now(connection))
                claimed = await jobs.claim(owner=owner, slots=slots, kinds=kinds, lapsed=lapsed)
        except StoreUnavailableError:
            self._leases.forget()
            raise
        self._leases.gave(Lease(job.lease_token, 0, job.lease) for job in claimed)
        return claimed

    async def renew(self, job: Job) -> bool:
        """Let a lease begin anew."""
        async with self.database.write() as connection:
            return await SqlJobs(connection, await self.database.now(connection)).renew(job)

    async def message_context(
        self, incident_id: str, channel: str, recipient: str
    ) -> MessageContext | None:
        """Return what a message is made from."""
        async with self.database.read() as connection:
            return await reading.message_context(connection, incident_id, channel, recipient)

    async def incidents(
        self, which: IncidentFilter, *, before: int | None = None, limit: int = 50
    ) -> Listing:
        """List incidents, newest first."""
        async with self.database.read() as connection:
            return await reading.list_incidents(connection, which, before=before, limit=limit)

    async def incident(self, incident_id: str) -> IncidentView | None:
        """Return everything about one incident."""
        async with self.database.read() as connection:
            return await reading.view_incident(connection, incident_id)

    async def history(self, incident_id: str) -> list[StoredEvent]:
        """Return the kept events of the incident's group up to its last one, in order."""
        async with self.database.read() as connection:
            return await events.history(connection, incident_id)

    async def firing(self, source: str | None = None) -> list[Alert]:
        """Return all alerts that fire now, the earliest first."""
        async with self.database.read() as connection:
            return await reading.firing_alerts(connection, source)

    async def comparable(self, source: str) -> list[FiringAlert]:
        """Return the alerts of a source that fire now, in short."""
        async with self.database.read() as connection:
            return await reading.comparable_alerts(connection, source)

    async def counts(self) -> Counts:
        """Return the state of affairs in numbers."""
        async with self.database.read() as connection:
            now = await self.database.now(connection)
            lapsed = self._leases.overdue(reading.OVERDUE_SECONDS)
            return await reading.count(connection, now, lapsed=lapsed)

    async def prune(
        self, *, events_before: datetime, incidents_before: datetime
    ) -> tuple[int, bool]:
        """Delete a small batch of what has been kept for long enough."""
        async with self.database.write() as connection:
            return await retention.prune(
                connection,
                now=await self.database.now(connection),
                events_before=events_before,
                incidents_before=incidents_before,
            )

    async def revision(self) -> int:
        """Return a number that differs whenever anything has changed."""
        async with self.database.read() as connection:
            return await events.revision(connection)

    async def close(self) -> None:
        """Give back all connections."""
        await self.database.close()

    def _clock_odd(self, now: int) -> bool:
        """Is it time to look for times set by another clock? Now and then; and if it went back."""
        last = self._mended_at
        return last is None or not last <= now < last + MEND_SECONDS * 1_000_000
