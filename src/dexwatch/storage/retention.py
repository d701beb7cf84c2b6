"""Deletes what has been kept for long enough, a little at a time, the oldest first."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Table, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.records import AlertState, IncidentState
from dexwatch.response.clock_trust import ClockTrust
from dexwatch.storage import tables
from dexwatch.storage.rows import upsert

_ROWS = 500
_INCIDENTS = 10
"""Each may have thousands of lines; a decision must never wait long for the writer's turn."""
_KEEP_JOBS = timedelta(days=7)

_OF_INCIDENTS = (
    tables.events,
    tables.incident_alerts,
    tables.notifications,
    tables.timeline,
    tables.delivery_threads,
)


class SqlClockTrust:
    """Implements `response.store.ClockTrustRepository`."""

    _NAME = "retention"

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self) -> ClockTrust | None:
        """Return what the last look found."""
        columns = tables.clock_trust.c
        query = (
            select(columns.looked_at, columns.believed_at, columns.even_seconds)
            .where(columns.name == self._NAME)
            .with_for_update()
        )
        row = (await self._connection.execute(query)).mappings().first()
        return ClockTrust(**row) if row else None

    async def save(self, trust: ClockTrust) -> None:
        """Write what a look has found."""
        row = {"name": self._NAME, **asdict(trust)}
        await upsert(self._connection, tables.clock_trust, [row])


async def prune(
    connection: AsyncConnection, *, now: int, events_before: datetime, incidents_before: datetime
) -> tuple[int, bool]:
    """Delete one small batch; return the number of rows, and whether more may be left.

    What belongs to an unresolved incident stays, however old it is, and so does an incident that
    somebody closed while its alert goes on firing, or whose messages are still under way. Events
    of an incident stay as long as the incident, so that it can be replayed.
    """
    incidents, rows = await _incidents(connection, incidents_before)
    counts = [
        await _lone_events(connection, events_before),
        await _repeats(connection, events_before),
        await _lone_alerts(connection, incidents_before),
        await _ended_jobs(connection, now),
        await _empty_groups(connection),
    ]
    return rows + sum(counts), incidents == _INCIDENTS or _ROWS in counts


async def _lone_events(connection: AsyncConnection, before: datetime) -> int:
    """Delete events that belong to no incident."""
    events = tables.events.c
    old = (
        select(events.id)
        .where(events.decided_at < before, events.incident_id.is_(None))
        .order_by(events.decided_at)
        .limit(_ROWS)
    )
    return await _delete(connection, tables.events, events.id.in_(old.scalar_subquery()))


async def _repeats(connection: AsyncConnection, before: datetime) -> int:
    repeats = tables.event_repeats.c
    old = select(repeats.key).where(repeats.last_at < before).limit(_ROWS)
    return await _delete(connection, tables.event_repeats, repeats.key.in_(old.scalar_subquery()))


async def _incidents(connection: AsyncConnection, before: datetime) -> tuple[int, int]:
    """Delete incidents with all that belongs to them; return how many, and all rows of theirs."""
    incidents, alerts, jobs = tables.incidents.c, tables.alerts.c, tables.jobs.c
    fires = exists().where(
        alerts.incident_id == incidents.id, alerts.state == AlertState.FIRING.value
    )
    busy = exists().where(jobs.subject == incidents.id, jobs.state.in_(("due", "leased")))
    old = (
        select(incidents.id)
        .where(
            incidents.state == IncidentState.RESOLVED.value,
            incidents.resolved_at < before,
            ~fires,
            ~busy,
        )
        .order_by(incidents.resolved_at)
        .limit(_INCIDENTS)
    )
    found = list((await connection.execute(old)).scalars())
    rows = 0
    if found:
        for table in _OF_INCIDENTS:
            rows += await _delete(connection, table, table.c.incident_id.in_(found))
        rows += await _delete(connection, tables.jobs, jobs.subject.in_(found))
        rows += await _delete(connection, tables.alerts, alerts.incident_id.in_(found))
        rows += await _delete(connection, tables.incidents, incidents.id.in_(found))
    return len(found), rows


async def _lone_alerts(connection: AsyncConnection, before: datetime) -> int:
    """Delete alerts that never came to an incident, for example because they were silenced."""
    alerts = tables.alerts.c
    here = (
        alerts.incident_id.is_(None),
        alerts.state != AlertState.FIRING.value,
        alerts.resolved_at < before,
    )
    last = select(alerts.resolved_at).where(*here).order_by(alerts.resolved_at)
    until = (await connection.execute(last.offset(_ROWS - 1).limit(1))).scalar()
    more = (alerts.resolved_at <= until,) if until is not None else ()
    deleted = await _delete(connection, tables.alerts, *here, *more)
    return _ROWS if until is not None else deleted


async def _ended_jobs(connection: AsyncConnection, now: int) -> int:
    jobs = tables.jobs.c
    ended = now - _KEEP_JOBS // timedelta(microseconds=1)
    old = (
        select(jobs.id)
        .where(jobs.finished_at < ended, jobs.subject == "")
        .order_by(jobs.finished_at)
        .limit(_ROWS)
    )
    return await _delete(connection, tables.jobs, jobs.id.in_(old.scalar_subquery()))


async def _empty_groups(connection: AsyncConnection) -> int:
    """Delete groups whose newest incident is gone, but for those that are being decided about."""
    groups, incidents = tables.groups.c, tables.incidents.c
    kept = exists().where(incidents.number == groups.incident_number)
    empty = groups.incident_number.is_not(None), ~kept
    old = select(groups.key).where(*empty).limit(_ROWS).with_for_update(skip_locked=True)
    found = list((await connection.execute(old)).scalars())
    # Looked at once more: a row may have got another incident before it was ours.
    return await _delete(connection, tables.groups, groups.key.in_(found), *empty)


async def _delete(connection: AsyncConnection, table: Table, *which: ColumnElement[bool]) -> int:
    result: CursorResult[Any] = await connection.execute(delete(table).where(*which))
    return result.rowcount
