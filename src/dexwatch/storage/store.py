"""The store of incidents and due work over SQL; implements `agenda.store.Store`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.events import Event
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import Alert, AlertState, IncidentState
from dexwatch.metrics.severity import Severity
from dexwatch.response.store import (
    Applied,
    Briefing,
    Counts,
    IncidentFilter,
    IncidentView,
    Listing,
    StoreUnavailableError,
)
from dexwatch.response.work import Settled, Work
from dexwatch.storage import duties, retention, tables
from dexwatch.storage.database import Database, open_database
from dexwatch.storage.decisions import apply_fact
from dexwatch.storage.rows import alert_of, entry_of, incident_of, page_of

_MOST_LISTED = 200
_MOST_EPISODES = 500
_MOST_LINES = 2000
_TRIES = 5
_OVERDUE_AFTER = timedelta(seconds=2)

T = TypeVar("T")


async def open_store(url: str, policy: Policy | None = None) -> "SqlStore":
    """Open the database and bring its schema up to date.

    `policy` is what new incidents take; whoever feeds no alerts, like the console, needs none.

    Raises:
        StoreUnavailableError: it cannot be reached.
        NewerSchemaError: a newer dexwatch has used it.
    """
    return SqlStore(await open_database(url), policy or Policy())


class SqlStore:
    """Incidents and due work in one database; safe to share among tasks and processes."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self.database = database
        self._policy = policy

    async def apply(self, facts: Sequence[Event], now: datetime) -> list[Applied]:
        """Decide about the facts in order, in one transaction."""

        async def all_of_them(connection: AsyncConnection) -> list[Applied]:
            return [await apply_fact(connection, fact, now, policy=self._policy) for fact in facts]

        return await self._deciding(all_of_them)

    async def claim(
        self,
        *,
        owner: str,
        now: datetime,
        room: Mapping[str, int],
        calm: Mapping[str, int] | None = None,
    ) -> list[Work]:
        """Take due work, the most urgent first."""
        if not await self._anything_due(now):
            return []

        async def take(connection: AsyncConnection) -> list[Work]:
            return await duties.claim(
                connection, owner=owner, now=now, room=room, calm=calm, policy=self._policy
            )

        return await self._deciding(take)

    async def settle(self, work: Work, settled: Settled, now: datetime) -> None:
        """Record how an attempt ended."""

        async def record(connection: AsyncConnection) -> None:
            await duties.settle(connection, work, settled, now, policy=self._policy)

        await self._deciding(record)

    async def briefing(self, work: Work) -> Briefing | None:
        """Return what a message is made from."""
        async with self.database.read() as connection:
            return await duties.briefing(connection, work)

    async def incidents(
        self, which: IncidentFilter, *, before: int | None = None, limit: int = 50
    ) -> Listing:
        """List incidents, newest first."""
        columns = tables.incidents.c
        limit = max(1, min(limit, _MOST_LISTED))
        wanted = _conditions(which)
        here = [*wanted, columns.number < before] if before is not None else wanted
        listed = (
            select(tables.incidents).where(*here).order_by(columns.number.desc()).limit(limit + 1)
        )
        async with self.database.read() as connection:
            rows = (await connection.execute(listed)).mappings().all()
            counted = select(func.count()).select_from(tables.incidents).where(*wanted)
            total = (await connection.execute(counted)).scalar_one()
            found = tuple(incident_of(row) for row in rows[:limit])
            alerts = tables.alerts.c
            fires = await connection.execute(
                select(alerts.incident_id, func.count())
                .where(
                    alerts.state == AlertState.FIRING.value,
                    alerts.incident_id.in_([i.id for i in found]),
                )
                .group_by(alerts.incident_id)
            )
            firing = {row[0]: row[1] for row in fires.all()}
        more = found[-1].number if len(rows) > limit else None
        return Listing(found, total, more, firing)

    async def incident(self, incident_id: str) -> IncidentView | None:
        """Return everything about one incident, the newest lines when there are very many."""
        alerts, pages, lines = tables.alerts, tables.pages, tables.timeline
        async with self.database.read() as connection:
            query = select(tables.incidents).where(tables.incidents.c.id == incident_id)
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            episodes = await connection.execute(
                select(alerts)
                .where(alerts.c.incident_id == incident_id)
                .order_by(alerts.c.number.desc())
                .limit(_MOST_EPISODES)
            )
            paged = await connection.execute(
                select(pages)
                .where(pages.c.incident_id == incident_id)
                .order_by(pages.c.planned_at, pages.c.id)
            )
            story = await connection.execute(
                select(lines)
                .where(lines.c.incident_id == incident_id)
                .order_by(lines.c.number.desc())
                .limit(_MOST_LINES)
            )
            return IncidentView(
                incident=incident_of(row),
                alerts=tuple(map(alert_of, reversed(episodes.mappings().all()))),
                pages=tuple(map(page_of, paged.mappings())),
                timeline=tuple(map(entry_of, reversed(story.mappings().all()))),
            )

    async def firing(self, *, limit: int = 1000) -> list[Alert]:
        """Return alerts that fire now, the earliest first."""
        columns = tables.alerts.c
        query = (
            select(tables.alerts)
            .where(columns.state == AlertState.FIRING.value)
            .order_by(columns.starts_at, columns.number)
            .limit(limit)
        )
        async with self.database.read() as connection:
            return [alert_of(row) for row in (await connection.execute(query)).mappings()]

    async def counts(self, now: datetime) -> Counts:
        """Return the state of affairs in figures."""
        columns = tables.incidents.c
        query = (
            select(columns.severity, func.count())
            .where(columns.state != IncidentState.RESOLVED.value)
            .group_by(columns.severity)
        )
        async with self.database.read() as connection:
            counted = {Severity(s): n for s, n in (await connection.execute(query)).all()}
            late = await duties.overdue(connection, now - _OVERDUE_AFTER)
        return Counts(open=counted, overdue=late)

    async def prune(
        self, *, signals_before: datetime, incidents_before: datetime
    ) -> tuple[int, bool]:
        """Delete a small batch of what has been kept for long enough."""

        async def tidy(connection: AsyncConnection) -> tuple[int, bool]:
            return await retention.prune(
                connection, signals_before=signals_before, incidents_before=incidents_before
            )

        return await self._deciding(tidy)

    async def revision(self) -> int:
        """Return a number that differs whenever anything has changed."""
        columns = tables.counters.c
        async with self.database.read() as connection:
            query = select(columns.value).where(columns.name == "revision")
            return int((await connection.execute(query)).scalar_one())

    async def close(self) -> None:
        """Give back all connections."""
        await self.database.close()

    async def _deciding(self, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run one deciding transaction, again when another process was faster."""
        for _ in range(_TRIES):
            try:
                async with self.database.write(deciding=True) as connection:
                    return await act(connection)
            except IntegrityError:
                continue
        raise StoreUnavailableError("too many processes decide about the same alerts at once")

    async def _anything_due(self, now: datetime) -> bool:
        """Look before taking the writer's turn, so that an idle sweeper disturbs nobody."""
        columns = tables.work.c
        due = (columns.state == "due") & (columns.due_at <= now)
        lapsed = (columns.state == "leased") & (columns.lease_until <= now)
        async with self.database.read() as connection:
            query = select(columns.id).where(or_(due, lapsed)).limit(1)
            return (await connection.execute(query)).first() is not None


def _conditions(which: IncidentFilter) -> list[ColumnElement[bool]]:
    columns = tables.incidents.c
    wanted: list[ColumnElement[bool]] = []
    if which.states:
        wanted.append(columns.state.in_(sorted(s.value for s in which.states)))
    if which.severities:
        wanted.append(columns.severity.in_(sorted(s.value for s in which.severities)))
    if which.since is not None:
        wanted.append(columns.ingested_at >= which.since)
    if which.until is not None:
        wanted.append(columns.ingested_at < which.until)
    if which.text:
        text = which.text[:200]
        wanted.append(
            or_(
                columns.title.icontains(text, autoescape=True),
                columns.grp.icontains(text, autoescape=True),
                columns.id.icontains(text, autoescape=True),
            )
        )
    return wanted
