"""Events, kept whole and in the order of their decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.events import (
    Acknowledged,
    AlertFired,
    AlertResolved,
    Event,
    ManuallyResolved,
    NoteAdded,
    NotificationAttempted,
    Reopened,
)
from dexwatch.incidents.liveness.confirmation import UnconfirmedReason
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.metrics.severity import Severity
from dexwatch.response.store import DecidedEvent
from dexwatch.response.views import StoredEvent
from dexwatch.storage import tables
from dexwatch.storage.rows import insert_into

_KINDS: Mapping[str, type] = {
    "alert_fired": AlertFired,
    "alert_resolved": AlertResolved,
    "acknowledged": Acknowledged,
    "manually_resolved": ManuallyResolved,
    "reopened": Reopened,
    "note_added": NoteAdded,
    "notification_attempted": NotificationAttempted,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_TIMES = ("starts_at", "began_at", "ends_at", "seen_at")


class SqlEvents:
    """Implements `response.store.EventRepository`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, decided: Sequence[DecidedEvent], now: datetime) -> None:
        """Append what changed something; count what did not."""
        changes = [_row(one, now) for one in decided if one.changed]
        if changes:
            await self._connection.execute(insert(tables.events), changes)
        # One statement must not touch a row twice, so that repeats within a batch are summed.
        repeats: dict[str, dict[str, Any]] = {}
        for one in decided:
            if not one.changed:
                row = repeats.setdefault(_key(one.event), _repeat_row(one, now))
                row["repeats"] += 1
        if repeats:
            await self._count(list(repeats.values()))

    async def _count(self, repeats: list[dict[str, Any]]) -> None:
        columns = tables.event_repeats.c
        statement = insert_into(self._connection, tables.event_repeats)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "repeats": columns.repeats + new.repeats,
                "last_at": new.last_at,
                "reason": new.reason,
            },
        )
        await self._connection.execute(statement, repeats)


async def history(connection: AsyncConnection, incident_id: str) -> list[StoredEvent]:
    """Return the events of the incident's group up to its last one."""
    columns = tables.events.c
    group = select(tables.incidents.c.grp).where(tables.incidents.c.id == incident_id)
    last = select(func.max(columns.id)).where(columns.incident_id == incident_id)
    query = (
        select(tables.events)
        .where(
            columns.grp == group.scalar_subquery(),
            columns.id <= last.scalar_subquery(),
        )
        .order_by(columns.id)
    )
    return [_stored(row) for row in (await connection.execute(query)).mappings()]


async def revision(connection: AsyncConnection) -> int:
    """Return a number that differs whenever an event has been decided that changed something.

    A transaction may become visible after one with a higher id, so the last ids are counted, too.
    """
    newest = select(func.coalesce(func.max(tables.events.c.id), 0)).scalar_subquery()
    lately = select(func.count()).where(tables.events.c.id > newest - 500).scalar_subquery()
    found, count = (await connection.execute(select(newest, lately))).one()
    return int(found) * 1000 + int(count)


def _row(decided: DecidedEvent, now: datetime) -> dict[str, Any]:
    event = decided.event
    raw = getattr(event, "raw", None)
    return {
        "grp": decided.group,
        "incident_id": decided.incident_id,
        "source": getattr(event, "source", ""),
        "kind": _NAMES[type(event)],
        "body": _body(event),
        "raw": dict(raw) if raw is not None else None,
        "decided_at": now,
        "reason": decided.reason.value,
        "incident_version": decided.incident_version,
    }


def _repeat_row(decided: DecidedEvent, now: datetime) -> dict[str, Any]:
    row = _row(decided, now)
    kept = {name: row[name] for name in ("source", "kind", "body", "raw", "reason")}
    times = {"first_at": now, "last_at": now}
    return kept | times | {"key": _key(decided.event), "repeats": 0}


def _body(event: Event) -> dict[str, Any]:
    return {f.name: getattr(event, f.name) for f in fields(event) if f.name != "raw"}


def _key(event: Event) -> str:
    """Return the identity of an event at its source."""
    if isinstance(event, AlertFired | AlertResolved):
        kind = _NAMES[type(event)]
        return f"{kind}/{event.source}/{event.fingerprint}/{event.starts_at.isoformat()}"
    if isinstance(event, NotificationAttempted):
        return f"attempt/{event.notification_id}/{event.attempt}/{event.result}"
    return f"action/{event.incident_id}/{event.source_id}"


def _stored(row: RowMapping) -> StoredEvent:
    body = dict(row["body"])
    for name in _TIMES:
        if body.get(name):
            body[name] = datetime.fromisoformat(body[name])
    if "severity" in body:
        body["severity"] = Severity(body["severity"])
    if body.get("unconfirmed"):
        body["unconfirmed"] = UnconfirmedReason(body["unconfirmed"])
    if row["kind"] == "notification_attempted":
        body["result"] = DeliveryOutcome(body["result"])
    return StoredEvent(
        id=row["id"],
        event=_KINDS[row["kind"]](**body),
        raw=row["raw"],
        group=row["grp"],
        decided_at=row["decided_at"],
        reason=row["reason"],
        incident_id=row["incident_id"],
        incident_version=row["incident_version"],
    )
