"""What is shown and sent: queries that change nothing."""

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.records import Alert, AlertState, IncidentState
from dexwatch.incidents.state import Reason
from dexwatch.metrics.severity import Severity
from dexwatch.response.views import (
    Counts,
    FiringAlert,
    IncidentFilter,
    IncidentView,
    Listing,
    MessageContext,
)
from dexwatch.storage import tables
from dexwatch.storage.jobs import SqlJobs
from dexwatch.storage.rows import alert_of, entry_of, incident_of, notification_of

_MOST_LISTED = 200
_MOST_ALERTS = 500
_MOST_NOTIFICATIONS = 500
_MOST_LINES = 2000
_TOLD_ALERTS = 50
OVERDUE_SECONDS = 2.0
"""A job that has been ready for longer is late."""


async def list_incidents(
    connection: AsyncConnection, which: IncidentFilter, *, before: int | None, limit: int
) -> Listing:
    """List incidents, newest first."""
    columns = tables.incidents.c
    limit = max(1, min(limit, _MOST_LISTED))
    wanted = _conditions(which)
    here = [*wanted, columns.number < before] if before is not None else wanted
    listed = select(tables.incidents).where(*here).order_by(columns.number.desc()).limit(limit + 1)
    rows = (await connection.execute(listed)).mappings().all()
    counted = select(func.count()).select_from(tables.incidents).where(*wanted)
    total = (await connection.execute(counted)).scalar_one()
    shown = rows[:limit]
    return Listing(
        incidents=tuple(incident_of(row) for row in shown),
        total=total,
        next_before=shown[-1]["number"] if len(rows) > limit else None,
        firing={row["id"]: row["firing_alerts"] for row in shown if row["firing_alerts"]},
    )


async def view_incident(connection: AsyncConnection, incident_id: str) -> IncidentView | None:
    """Return everything about one incident, the newest lines when there are very many."""
    pages, lines = tables.notifications, tables.timeline
    query = select(tables.incidents).where(tables.incidents.c.id == incident_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    paged = await connection.execute(
        select(pages)
        .where(pages.c.incident_id == incident_id)
        .order_by(pages.c.planned_at.desc(), pages.c.id.desc())
        .limit(_MOST_NOTIFICATIONS)
    )
    story = await connection.execute(
        select(lines)
        .where(lines.c.incident_id == incident_id)
        # Not by time, for a clock may be put back.
        .order_by(lines.c.id.desc())
        .limit(_MOST_LINES)
    )
    alerts = await _alerts(connection, incident_id, _MOST_ALERTS)
    return IncidentView(
        incident=incident_of(row),
        alerts=alerts,
        notifications=tuple(map(notification_of, reversed(paged.mappings().all()))),
        timeline=tuple(map(entry_of, reversed(story.mappings().all()))),
        more_alerts=max(await _count_alerts(connection, incident_id) - len(alerts), 0),
    )


async def message_context(
    connection: AsyncConnection, incident_id: str, channel: str, recipient: str
) -> MessageContext | None:
    """Return what a message is made from, as things stand now."""
    query = select(tables.incidents).where(tables.incidents.c.id == incident_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    incident = incident_of(row)
    pages, threads = tables.notifications.c, tables.delivery_threads.c
    to_them = (pages.channel == channel) & (pages.recipient == recipient)
    # Whether others were reached counts for each round in which these were paged.
    theirs = select(pages.notification_round).where(pages.incident_id == incident_id, to_them)
    around = pages.notification_round == incident.notification_round
    around |= pages.notification_round.in_(theirs)
    paged = await connection.execute(
        select(tables.notifications)
        .where(pages.incident_id == incident_id, around)
        .order_by(pages.notification_round.desc())
        .limit(_MOST_NOTIFICATIONS)
    )
    thread = await connection.execute(
        select(tables.delivery_threads).where(
            threads.incident_id == incident_id,
            threads.channel == channel,
            threads.recipient == recipient,
        )
    )
    told = thread.mappings().first()
    state = told["last_notified_state"] if told else None
    return MessageContext(
        incident=incident,
        alerts=await _alerts(connection, incident_id, _TOLD_ALERTS),
        alert_count=await _count_alerts(connection, incident_id),
        notifications=tuple(map(notification_of, paged.mappings())),
        handle=told["handle"] if told else None,
        last_notified_version=told["last_notified_version"] if told else 0,
        last_notified_state=IncidentState(state) if state else None,
    )


async def firing_alerts(connection: AsyncConnection, source: str | None) -> list[Alert]:
    """Return all alerts that fire now, the earliest first."""
    columns = tables.alerts.c
    query = select(tables.alerts).where(columns.state == AlertState.FIRING.value)
    if source is not None:
        query = query.where(columns.source == source)
    rows = await connection.execute(query.order_by(columns.starts_at, columns.fingerprint))
    return [alert_of(row) for row in rows.mappings()]


async def comparable_alerts(connection: AsyncConnection, source: str) -> list[FiringAlert]:
    """Return the alerts of a source that fire now, with no more than a comparison needs."""
    alerts, incidents = tables.alerts.c, tables.incidents.c
    query = (
        select(alerts.fingerprint, alerts.starts_at, alerts.suppressed_by, incidents.state)
        .outerjoin(tables.incidents, incidents.id == alerts.incident_id)
        .where(alerts.state == AlertState.FIRING.value, alerts.source == source)
    )
    closed = (None, IncidentState.RESOLVED.value)
    return [
        FiringAlert(fingerprint, starts_at, hidden, hidden is not None or state not in closed)
        for fingerprint, starts_at, hidden, state in (await connection.execute(query)).all()
    ]


async def count(connection: AsyncConnection, now: int, *, lapsed: int) -> Counts:
    """Return the state of affairs in numbers; `lapsed` leases are late, too."""
    columns, jobs, events = tables.incidents.c, tables.jobs.c, tables.events.c
    query = (
        select(columns.severity, func.count())
        .where(columns.state != IncidentState.RESOLVED.value)
        .group_by(columns.severity)
    )
    opened = {Severity(s): n for s, n in (await connection.execute(query)).all()}
    stuck = select(func.count()).select_from(tables.jobs).where(jobs.state == "quarantined")
    odd = select(func.count()).select_from(tables.events)
    odd = odd.where(events.reason == Reason.QUARANTINED.value)
    quarantined = (await connection.execute(stuck)).scalar_one()
    quarantined += (await connection.execute(odd)).scalar_one()
    return Counts(
        open=opened,
        overdue=lapsed + await SqlJobs(connection, now).overdue(OVERDUE_SECONDS),
        quarantined=quarantined,
    )


async def _alerts(connection: AsyncConnection, incident_id: str, limit: int) -> tuple[Alert, ...]:
    columns = tables.incident_alerts.c
    over = case((columns.state == AlertState.FIRING.value, 0), else_=1)
    rows = await connection.execute(
        select(tables.incident_alerts)
        .where(columns.incident_id == incident_id)
        .order_by(over, columns.severity, columns.starts_at, columns.fingerprint)
        .limit(limit)
    )
    return tuple(map(alert_of, rows.mappings()))


async def _count_alerts(connection: AsyncConnection, incident_id: str) -> int:
    columns = tables.incident_alerts.c
    query = select(func.count()).select_from(tables.incident_alerts)
    query = query.where(columns.incident_id == incident_id)
    return int((await connection.execute(query)).scalar_one())


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
        named = (columns.title, columns.grp, columns.id)
        wanted.append(or_(*(c.icontains(which.text[:200], autoescape=True) for c in named)))
    return wanted
