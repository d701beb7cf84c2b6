"""Due work in the database: claim it with a lease, brief about it, record how it ended."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import RowMapping, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.policy import URGENT, Policy
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from dexwatch.metrics.severity import Severity
from dexwatch.response.store import Applied, Briefing
from dexwatch.response.work import Settled, Work, lease_time
from dexwatch.storage import tables
from dexwatch.storage.decisions import apply_fact, insert_into
from dexwatch.storage.rows import alert_of, incident_of, page_of, work_of

_ELSEWHERE = 10
"""So much work at a time for channels that are not configured any more."""

_BRIEFED_ALERTS = 200


async def claim(
    connection: AsyncConnection,
    *,
    owner: str,
    now: datetime,
    room: Mapping[str, int],
    policy: Policy,
    calm: Mapping[str, int] | None = None,
) -> list[Work]:
    """Take due work and work whose lease ran out; the latter comes in doubt."""
    columns = tables.work.c
    claimed: list[Work] = []
    for channel, free in [*room.items(), (None, _ELSEWHERE)]:
        if free <= 0:
            continue
        quiet = (calm or {}).get(channel, free) if channel else free
        here = columns.channel == channel if channel else columns.channel.not_in(list(room))
        due = (columns.state == "due") & (columns.due_at <= now)
        lapsed = (columns.state == "leased") & (columns.lease_until <= now)
        query: Select[tuple[object, ...]] = (
            select(tables.work)
            .where(here, due | lapsed)
            .order_by(columns.severity, columns.due_at, columns.id)
            .limit(free)
            .with_for_update(skip_locked=True)
        )
        rows = (await connection.execute(query)).mappings().all()
        # The urgent come first, so that what is left out is the calm end of the list.
        for place, row in enumerate(rows):
            if place >= quiet and Severity(row["severity"]) not in URGENT:
                break
            claimed.append(await _lease(connection, row, owner, now, policy))
    return claimed


async def _lease(
    connection: AsyncConnection, row: RowMapping, owner: str, now: datetime, policy: Policy
) -> Work:
    values = {
        "state": "leased",
        "lease_owner": owner,
        "lease_until": now + lease_time(Severity(row["severity"])),
        "attempts": row["attempts"] + 1,
        "doubt": bool(row["doubt"]) or row["state"] == "leased",
    }
    where = tables.work.c.id == row["id"]
    await connection.execute(update(tables.work).where(where).values(values))
    work = work_of({**row, **values})
    if row["state"] == "leased" and work.page_id is not None:
        cut_off = Settled(DeliveryOutcome.UNKNOWN, "the attempt was cut off")
        before = replace(work, attempts=row["attempts"])
        await _page_outcome(connection, before, cut_off, now, policy)
    return work


async def settle(
    connection: AsyncConnection, work: Work, settled: Settled, now: datetime, *, policy: Policy
) -> None:
    """Record how an attempt ended, and when it is tried again."""
    if work.page_id is not None:
        await _page_outcome(connection, work, settled, now, policy)
    await _remember(connection, work, settled, now)
    columns = tables.work.c
    row = (
        (await connection.execute(select(tables.work).where(columns.id == work.id)))
        .mappings()
        .first()
    )
    if row is None:
        return
    reached = settled.result is DeliveryOutcome.DELIVERED
    mine = row["lease_owner"] == work.lease_owner and row["lease_until"] == work.lease_until
    if not mine and not reached:
        # Another process has taken it over in the meantime and knows better.
        return
    values: dict[str, object] = {"lease_owner": None, "lease_until": None}
    if settled.due_at is not None:
        values |= {"state": "due", "due_at": settled.due_at}
        values["doubt"] = work.doubt or settled.result is DeliveryOutcome.UNKNOWN
        if not settled.counts:
            values["attempts"] = max(work.attempts - 1, 0)
    elif row["version"] != work.version:
        values |= {"state": "due", "due_at": now, "created_at": now, "attempts": 0}
        values["doubt"] = False
    else:
        values["state"] = "done" if reached else "dead"
    await connection.execute(update(tables.work).where(columns.id == work.id).values(values))


async def briefing(connection: AsyncConnection, work: Work) -> Briefing | None:
    """Return what the message is made from, as it stands now."""
    found = await connection.execute(
        select(tables.incidents).where(tables.incidents.c.id == work.incident_id)
    )
    row = found.mappings().first()
    if row is None:
        return None
    alerts, pages, threads = tables.alerts.c, tables.pages.c, tables.threads.c
    episodes = await connection.execute(
        select(tables.alerts)
        .where(alerts.incident_id == work.incident_id)
        .order_by(alerts.number.desc())
        .limit(_BRIEFED_ALERTS)
    )
    latest = {a.fingerprint: a for a in reversed([alert_of(r) for r in episodes.mappings()])}
    to_them = await connection.execute(
        select(tables.pages).where(
            pages.incident_id == work.incident_id,
            pages.channel == work.channel,
            pages.recipient == work.recipient,
        )
    )
    thread = await connection.execute(
        select(tables.threads).where(
            threads.incident_id == work.incident_id,
            threads.channel == work.channel,
            threads.recipient == work.recipient,
        )
    )
    told = thread.mappings().first()
    return Briefing(
        incident=incident_of(row),
        alerts=tuple(latest.values()),
        pages=tuple(map(page_of, to_them.mappings())),
        handle=told["handle"] if told else None,
        last_notified_version=told["last_notified_version"] if told else 0,
        last_notified_state=IncidentState(told["last_notified_state"])
        if told and told["last_notified_state"]
        else None,
    )


async def overdue(connection: AsyncConnection, before: datetime) -> int:
    """Count work that has waited since `before`: due and not taken, or taken and let lapse."""
    columns = tables.work.c
    due = (columns.state == "due") & (columns.due_at <= before)
    lapsed = (columns.state == "leased") & (columns.lease_until <= before)
    waiting = due | lapsed
    return int((await connection.execute(select(func.count()).where(waiting))).scalar_one())


async def _page_outcome(
    connection: AsyncConnection,
    work: Work,
    settled: Settled,
    now: datetime,
    policy: Policy,
) -> Applied:
    fact = NotificationAttempted(
        incident_id=work.incident_id,
        page_id=work.page_id or "",
        result=settled.result,
        attempt=work.attempts,
        detail=settled.detail,
    )
    return await apply_fact(connection, fact, now, policy=policy)


async def _remember(
    connection: AsyncConnection, work: Work, settled: Settled, now: datetime
) -> None:
    """Remember what the recipient now sees, never less than before."""
    if settled.last_notified_version is None and settled.handle is None:
        return
    values = {
        "incident_id": work.incident_id,
        "channel": work.channel,
        "recipient": work.recipient,
        "handle": settled.handle,
        "last_notified_version": settled.last_notified_version or 0,
        "last_notified_state": settled.last_notified_state.value
        if settled.last_notified_state
        else None,
        "told_at": now,
    }
    statement = insert_into(connection, tables.threads).values(values)
    new, old = statement.excluded, tables.threads.c
    statement = statement.on_conflict_do_update(
        index_elements=["incident_id", "channel", "recipient"],
        set_={
            "handle": func.coalesce(new.handle, old.handle),
            "last_notified_version": new.last_notified_version,
            "last_notified_state": func.coalesce(new.last_notified_state, old.last_notified_state),
            "told_at": new.told_at,
        },
        where=new.last_notified_version >= old.last_notified_version,
    )
    await connection.execute(statement)
