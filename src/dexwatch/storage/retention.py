"""Deletes what has been kept for long enough, a little at a time, the oldest first."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.records import AlertState, IncidentState
from dexwatch.storage import tables

_SIGNALS = 500
_INCIDENTS = 10
"""Each may have thousands of lines; a decision must never wait long for the writer's turn."""
_ALERTS = 200


async def prune(
    connection: AsyncConnection, *, signals_before: datetime, incidents_before: datetime
) -> tuple[int, bool]:
    """Delete one small batch; return the number of rows, and whether more may be left.

    What belongs to an unresolved incident stays, however old it is, and so does an incident that
    somebody closed while its alert goes on firing, or whose messages are still under way.
    """
    signals = await _signals(connection, signals_before)
    incidents, rows = await _incidents(connection, incidents_before)
    alerts = await _lone_alerts(connection, incidents_before)
    full = signals == _SIGNALS or incidents == _INCIDENTS or alerts == _ALERTS
    return signals + rows + alerts, full


async def _signals(connection: AsyncConnection, before: datetime) -> int:
    signals, alerts, incidents = tables.signals.c, tables.alerts.c, tables.incidents.c
    needed = exists().where(
        alerts.fingerprint == signals.fingerprint,
        alerts.incident_id == incidents.id,
        incidents.state != IncidentState.RESOLVED.value,
    )
    old = (
        select(signals.key)
        .where(signals.ingested_at < before, ~needed)
        .order_by(signals.ingested_at)
        .limit(_SIGNALS)
    )
    return await _delete(connection, tables.signals, signals.key.in_(old.scalar_subquery()))


async def _incidents(connection: AsyncConnection, before: datetime) -> tuple[int, int]:
    """Delete incidents with all that belongs to them; return how many, and all rows of theirs."""
    incidents, alerts, work = tables.incidents.c, tables.alerts.c, tables.work.c
    fires = exists().where(
        alerts.incident_id == incidents.id, alerts.state == AlertState.FIRING.value
    )
    busy = exists().where(work.incident_id == incidents.id, work.state.in_(("due", "leased")))
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
        for table in (tables.alerts, tables.pages, tables.timeline, tables.work, tables.threads):
            rows += await _delete(connection, table, table.c.incident_id.in_(found))
        rows += await _delete(connection, tables.incidents, incidents.id.in_(found))
    return len(found), rows


async def _lone_alerts(connection: AsyncConnection, before: datetime) -> int:
    """Delete alerts that never came to an incident, for example because they were silenced."""
    alerts = tables.alerts.c
    old = (
        select(alerts.number)
        .where(
            alerts.incident_id.is_(None),
            alerts.state != AlertState.FIRING.value,
            alerts.resolved_at < before,
        )
        .order_by(alerts.number)
        .limit(_ALERTS)
    )
    return await _delete(connection, tables.alerts, alerts.number.in_(old.scalar_subquery()))


async def _delete(connection: AsyncConnection, table: Any, which: ColumnElement[bool]) -> int:  # noqa: ANN401 - a table.
    result: CursorResult[Any] = await connection.execute(delete(table).where(which))
    return result.rowcount
