"""Applies facts: load what the decision looks at, decide, write what it says; one transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import (
    AddTimeline,
    Effect,
    ExpediteNotification,
    PlanNotification,
    UpdateMessage,
)
from dexwatch.incidents.events import (
    AlertEvent,
    AlertFired,
    AlertResolved,
    Event,
    NotificationAttempted,
)
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import Alert, AlertState, Incident, Page, Signal
from dexwatch.incidents.state import Decision, GroupState
from dexwatch.response.store import Applied
from dexwatch.response.work import WorkKind
from dexwatch.storage import tables
from dexwatch.storage.rows import (
    alert_of,
    alert_row,
    entry_row,
    incident_of,
    incident_row,
    page_of,
    page_row,
    signal_row,
)

_MOST_KNOWN = 500
"""So many of an incident's alerts that are over are looked at; those that fire all are."""


@dataclass(frozen=True)
class _Loaded:
    state: GroupState
    latest: int | None = None
    """The row of the latest episode of the fact's fingerprint."""


async def apply_fact(
    connection: AsyncConnection, fact: Event, now: datetime, *, policy: Policy
) -> Applied:
    """Decide about one fact and write the decision down.

    Raises:
        sqlalchemy.exc.IntegrityError: another process was faster; do it all again.
    """
    loaded = await _load(connection, fact, policy)
    decision = decide(loaded.state, fact, now)
    if isinstance(fact, AlertFired | AlertResolved):
        await _keep_signal(connection, fact, now)
    if decision.state != loaded.state or decision.effects:
        await _write(connection, loaded, decision)
        for effect in decision.effects:
            await _carry_out(connection, effect, decision.state.incident)
        await _count_up(connection, "revision")
    incident = decision.state.incident
    planned = sum(isinstance(e, PlanNotification) for e in decision.effects)
    return Applied(decision.reason, incident.id if incident else None, planned)


async def _load(connection: AsyncConnection, fact: Event, policy: Policy) -> _Loaded:
    if isinstance(fact, AlertFired | AlertResolved):
        return await _load_group(connection, fact, policy)
    row = await _first(
        connection, select(tables.incidents).where(tables.incidents.c.id == fact.incident_id)
    )
    if row is None:
        return _Loaded(GroupState(key="", policy=policy))
    incident = incident_of(row)
    newest = select(func.max(tables.incidents.c.number)).where(
        tables.incidents.c.grp == incident.group
    )
    seen = False
    if not isinstance(fact, NotificationAttempted):
        mine = (tables.timeline.c.incident_id == incident.id) & (
            tables.timeline.c.key == f"hand/{fact.source_id}"
        )
        seen = bool((await connection.execute(select(exists().where(mine)))).scalar_one())
    state = GroupState(
        key=incident.group,
        policy=policy,
        incident=incident,
        newest=(await connection.execute(newest)).scalar_one() == incident.number,
        alerts=await _firing(connection, incident),
        pages=await _pages(connection, incident),
        seen=seen,
    )
    return _Loaded(state)


async def _load_group(connection: AsyncConnection, fact: AlertEvent, policy: Policy) -> _Loaded:
    alerts, incidents = tables.alerts.c, tables.incidents.c
    row = await _first(
        connection,
        select(tables.alerts)
        .where(alerts.fingerprint == fact.fingerprint)
        .order_by(alerts.starts_at.desc())
        .limit(1),
    )
    latest = alert_of(row) if row else None
    # An alert that fires stays where it is, though its source may group it anew.
    group = latest.group if latest and latest.firing else fact.group
    found = await _first(
        connection,
        select(tables.incidents)
        .where(incidents.grp == group)
        .order_by(incidents.number.desc())
        .limit(1),
    )
    incident = incident_of(found) if found else None
    known = await _latest(connection, incident) if incident else {}
    if latest:
        known[latest.fingerprint] = latest
    last = select(tables.counters.c.value).where(tables.counters.c.name == "incident")
    state = GroupState(
        key=group,
        policy=policy,
        next_number=(await connection.execute(last)).scalar_one() + 1,
        incident=incident,
        alerts=known,
        pages=await _pages(connection, incident) if incident else {},
    )
    return _Loaded(state, row["number"] if row else None)


async def _latest(connection: AsyncConnection, incident: Incident) -> dict[str, Alert]:
    """Return the incident's last episode of each fingerprint, all that fire among them."""
    columns = tables.alerts.c
    newest = (
        select(func.max(columns.number))
        .where(columns.incident_id == incident.id)
        .group_by(columns.fingerprint)
        .order_by(func.max(columns.number).desc())
        .limit(_MOST_KNOWN)
    )
    rows = await connection.execute(select(tables.alerts).where(columns.number.in_(newest)))
    over = {alert.fingerprint: alert for alert in map(alert_of, rows.mappings())}
    return over | await _firing(connection, incident)


async def _firing(connection: AsyncConnection, incident: Incident) -> dict[str, Alert]:
    columns = tables.alerts.c
    rows = await connection.execute(
        select(tables.alerts).where(
            columns.incident_id == incident.id, columns.state == AlertState.FIRING.value
        )
    )
    return {alert.fingerprint: alert for alert in map(alert_of, rows.mappings())}


async def _pages(connection: AsyncConnection, incident: Incident) -> dict[str, Page]:
    rows = await connection.execute(
        select(tables.pages).where(tables.pages.c.incident_id == incident.id)
    )
    return {page.id: page for page in map(page_of, rows.mappings())}


async def _write(connection: AsyncConnection, loaded: _Loaded, decision: Decision) -> None:
    before, after = loaded.state, decision.state
    if after.incident is not None and after.incident != before.incident:
        await _write_incident(connection, before.incident, after.incident)
    for fingerprint, alert in after.alerts.items():
        if alert != before.alerts.get(fingerprint):
            await _write_alert(connection, loaded, alert)
    for page in after.pages.values():
        known = before.pages.get(page.id)
        if known is None:
            await connection.execute(insert(tables.pages).values(page_row(page)))
        elif page != known:
            where = tables.pages.c.id == page.id
            await connection.execute(update(tables.pages).where(where).values(page_row(page)))


async def _write_incident(
    connection: AsyncConnection, before: Incident | None, after: Incident
) -> None:
    values = incident_row(after)
    if before is None or before.id != after.id:
        await connection.execute(insert(tables.incidents).values(values))
        await _count_up(connection, "incident")
    else:
        where = tables.incidents.c.number == after.number
        await connection.execute(update(tables.incidents).where(where).values(values))


async def _write_alert(connection: AsyncConnection, loaded: _Loaded, alert: Alert) -> None:
    before = loaded.state.alerts.get(alert.fingerprint)
    same = before is not None and (before.firing or before.starts_at == alert.starts_at)
    if same:
        where = tables.alerts.c.number == loaded.latest
        await connection.execute(update(tables.alerts).where(where).values(alert_row(alert)))
    else:
        await connection.execute(insert(tables.alerts).values(alert_row(alert)))


async def _carry_out(
    connection: AsyncConnection, effect: Effect, incident: Incident | None
) -> None:
    match effect:
        case PlanNotification(page):
            await _plan(connection, page)
        case ExpediteNotification(page_id):
            columns = tables.work.c
            await connection.execute(
                update(tables.work)
                .where(columns.page_id == page_id, columns.state == "due")
                .values(due_at=columns.created_at)
            )
        case UpdateMessage():
            if incident is not None:
                await _ask_update(connection, effect, incident)
        case AddTimeline(entry):
            await _ignoring(connection, insert_into(connection, tables.timeline), entry_row(entry))


async def _plan(connection: AsyncConnection, page: Page) -> None:
    await connection.execute(
        insert(tables.work).values(
            id=f"page/{page.id}",
            kind=WorkKind.PAGE.value,
            incident_id=page.incident_id,
            channel=page.channel,
            recipient=page.recipient,
            severity=page.severity.value,
            event=page.why.value,
            page_id=page.id,
            state="due",
            due_at=page.planned_at,
            created_at=page.planned_at,
            attempts=0,
            doubt=False,
            version=1,
        )
    )


async def _ask_update(
    connection: AsyncConnection, effect: UpdateMessage, incident: Incident
) -> None:
    """Ask for an update; a pending one takes this one in."""
    columns = tables.work.c
    identity = f"update/{effect.incident_id}/{effect.channel}/{effect.recipient}"
    wish = {"event": effect.event.value, "severity": incident.severity.value}
    row = await _first(connection, select(tables.work).where(columns.id == identity))
    if row is None:
        await connection.execute(
            insert(tables.work).values(
                id=identity,
                kind=WorkKind.UPDATE.value,
                incident_id=effect.incident_id,
                channel=effect.channel,
                recipient=effect.recipient,
                state="due",
                due_at=effect.due_at,
                created_at=incident.changed_at,
                attempts=0,
                doubt=False,
                version=1,
                **wish,
            )
        )
        return
    values: dict[str, Any] = {**wish, "version": columns.version + 1}
    if row["state"] == "due":
        # Whatever waits longest decides: a flapping fault cannot push its update away for ever.
        values["due_at"] = min(row["due_at"], effect.due_at)
    elif row["state"] != "leased":
        values |= {
            "state": "due",
            "due_at": effect.due_at,
            "created_at": incident.changed_at,
            "attempts": 0,
            "doubt": False,
        }
    await connection.execute(update(tables.work).where(columns.id == identity).values(values))


async def _keep_signal(connection: AsyncConnection, fact: AlertEvent, now: datetime) -> None:
    signal = Signal(
        key=fact.key,
        source=fact.source,
        kind="fired" if isinstance(fact, AlertFired) else "resolved",
        fingerprint=fact.fingerprint,
        payload={"labels": dict(fact.labels), "annotations": dict(fact.annotations)},
        ingested_at=now,
    )
    await _ignoring(connection, insert_into(connection, tables.signals), signal_row(signal))


async def _count_up(connection: AsyncConnection, name: str) -> None:
    columns = tables.counters.c
    await connection.execute(
        update(tables.counters).where(columns.name == name).values(value=columns.value + 1)
    )


def insert_into(connection: AsyncConnection, table: Any) -> Any:  # noqa: ANN401 - per dialect.
    """Return the dialect's insert, which knows what to do about conflicts."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


async def _ignoring(connection: AsyncConnection, into: Any, values: dict[str, Any]) -> None:  # noqa: ANN401
    statement: Insert = into.values(values).on_conflict_do_nothing()
    await connection.execute(statement)


async def _first(connection: AsyncConnection, query: Any) -> Any:  # noqa: ANN401 - a row mapping.
    return (await connection.execute(query)).mappings().first()
