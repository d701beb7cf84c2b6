"""Incidents and what belongs to them, and the signals of sources, as one transaction sees them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.incidents.liveness.absence import Absence
from dexwatch.incidents.liveness.signal import Signal
from dexwatch.incidents.records import Alert, Notification, TimelineEntry
from dexwatch.response.store import AlertKey, IncidentRecord
from dexwatch.response.views import MessageShown
from dexwatch.storage import tables
from dexwatch.storage.rows import (
    alert_of,
    alert_row,
    entry_row,
    incident_row,
    insert_into,
    insert_missing,
    notification_of,
    notification_row,
    record_of,
    upsert,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 400
"""So many values in one query; databases have a limit."""


class SqlAlerts:
    """Implements `response.store.AlertRepository`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, keys: Collection[AlertKey]) -> dict[AlertKey, Alert]:
        """Return the latest episode of each alert that is known."""
        columns = tables.alerts.c
        identity = tuple_(columns.source, columns.fingerprint)
        found: dict[AlertKey, Alert] = {}
        for some in _parts(sorted(keys)):
            query = select(tables.alerts).where(identity.in_(some))
            for row in (await self._connection.execute(query)).mappings():
                alert = alert_of(row)
                found[alert.key] = alert
        return found

    async def save(self, alerts: Sequence[Alert]) -> None:
        """Write the latest episodes, and what their incidents show of them."""
        rows = [alert_row(alert) for alert in alerts]
        await upsert(self._connection, tables.alerts, rows)
        mine = [row for row in rows if row["incident_id"] is not None]
        if mine:
            await upsert(self._connection, tables.incident_alerts, mine)


class SqlIncidents:
    """Implements `response.store.IncidentRepository`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._postgresql = connection.dialect.name == "postgresql"

    async def lock(self, groups: Collection[str]) -> dict[str, IncidentRecord]:
        """Let nobody else decide about these groups until the end of the transaction."""
        if not groups:
            return {}
        # In one order, so that two that lock the same groups wait for each other and not in a ring.
        keys = sorted(groups)
        if self._postgresql:
            rows = [{"key": key, "incident_number": None} for key in keys]
            await insert_missing(self._connection, tables.groups, rows)
            for some in _parts(keys):
                locked = (
                    select(tables.groups.c.key)
                    .where(tables.groups.c.key.in_(some))
                    .order_by(tables.groups.c.key)
                    .with_for_update()
                )
                await self._connection.execute(locked)
        found: dict[str, IncidentRecord] = {}
        for some in _parts(keys):
            newest = (
                select(tables.incidents)
                .join(tables.groups, tables.groups.c.incident_number == tables.incidents.c.number)
                .where(tables.groups.c.key.in_(some))
            )
            for row in (await self._connection.execute(newest)).mappings():
                found[row["grp"]] = record_of(row)
        return found

    async def get(self, ids: Collection[str]) -> dict[str, IncidentRecord]:
        """Return incidents by id."""
        found: dict[str, IncidentRecord] = {}
        for some in _parts(sorted(ids)):
            query = select(tables.incidents).where(tables.incidents.c.id.in_(some))
            for row in (await self._connection.execute(query)).mappings():
                found[row["id"]] = record_of(row)
        return found

    async def next_numbers(self, count: int) -> list[int]:
        """Return numbers that no incident has ever had, in ascending order."""
        if self._postgresql:
            # A counter's row would make all who open incidents wait for each other.
            asked = text("SELECT nextval('incident_number') FROM generate_series(1, :count)")
            return sorted((await self._connection.execute(asked, {"count": count})).scalars())
        columns = tables.counters.c
        counted = (
            update(tables.counters)
            .where(columns.name == "incident")
            .values(value=columns.value + count)
            .returning(columns.value)
        )
        last = int((await self._connection.execute(counted)).scalar_one())
        return list(range(last - count + 1, last + 1))

    async def save(self, records: Sequence[IncidentRecord]) -> None:
        """Write incidents, and which is the newest of its group."""
        rows = [incident_row(record) for record in records]
        await upsert(self._connection, tables.incidents, rows)
        newest: dict[str, int] = {}
        for row in rows:
            newest[row["grp"]] = max(row["number"], newest.get(row["grp"], 0))
        groups = insert_into(self._connection, tables.groups)
        new, old = groups.excluded.incident_number, tables.groups.c.incident_number
        groups = groups.on_conflict_do_update(
            index_elements=["key"],
            set_={"incident_number": new},
            where=func.coalesce(old, 0) < new,
        )
        await self._connection.execute(
            groups, [{"key": key, "incident_number": number} for key, number in newest.items()]
        )


class SqlNotifications:
    """Implements `response.store.NotificationRepository`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rounds(self, ids: Collection[str]) -> dict[str, Notification]:
        """Return these notifications and all others of their rounds."""
        columns = tables.notifications.c
        one = tables.notifications.alias()
        query = select(tables.notifications).join(
            one,
            (one.c.incident_id == columns.incident_id)
            & (one.c.notification_round == columns.notification_round),
        )
        found: dict[str, Notification] = {}
        for some in _parts(sorted(ids)):
            rows = await self._connection.execute(query.where(one.c.id.in_(some)))
            found.update({row["id"]: notification_of(row) for row in rows.mappings()})
        return found

    async def save(self, notifications: Sequence[Notification]) -> None:
        """Write notifications, new ones and known ones."""
        rows = [notification_row(notification) for notification in notifications]
        await upsert(self._connection, tables.notifications, rows)

    async def shown(self, messages: Sequence[MessageShown], now: datetime) -> None:
        """Remember what recipients now see, never less than before."""
        threads = tables.delivery_threads
        statement = insert_into(self._connection, threads)
        new, old = statement.excluded, threads.c
        statement = statement.on_conflict_do_update(
            index_elements=["incident_id", "channel", "recipient"],
            set_={
                "handle": func.coalesce(new.handle, old.handle),
                "last_notified_version": new.last_notified_version,
                "last_notified_state": func.coalesce(
                    new.last_notified_state, old.last_notified_state
                ),
                "last_notified_at": new.last_notified_at,
            },
            where=new.last_notified_version >= old.last_notified_version,
        )
        await self._connection.execute(statement, [_thread_row(m, now) for m in messages])


class SqlTimeline:
    """Implements `response.store.TimelineRepository`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def known(self, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return which of these lines are there."""
        columns = tables.timeline.c
        identity = tuple_(columns.incident_id, columns.key)
        found: set[tuple[str, str]] = set()
        for some in _parts(sorted(keys)):
            query = select(columns.incident_id, columns.key).where(identity.in_(some))
            found.update((row[0], row[1]) for row in (await self._connection.execute(query)).all())
        return found

    async def add(self, entries: Sequence[TimelineEntry]) -> None:
        """Add lines; those that are there already stay as they are."""
        await insert_missing(self._connection, tables.timeline, [entry_row(e) for e in entries])


class SqlSignals:
    """Implements `response.store.SignalRepository`: signals are counted, checks compare counts."""

    def __init__(self, connection: AsyncConnection, now: int) -> None:
        self._connection = connection
        self.now = _EPOCH + timedelta(microseconds=now)

    async def heard(self, source: str) -> None:
        """Count a signal."""
        await self._known(source)
        columns = tables.signals.c
        await self._connection.execute(
            update(tables.signals)
            .where(columns.source == source)
            .values(heartbeats=columns.heartbeats + 1, seen_at=self.now)
        )

    async def get(self, source: str) -> Signal:
        """Return what is known of a source."""
        await self._known(source)
        query = select(tables.signals).where(tables.signals.c.source == source).with_for_update()
        return Signal(**(await self._connection.execute(query)).mappings().one())

    async def save(self, signal: Signal) -> None:
        """Write what a check has found; the count of signals stays as it is."""
        await self._connection.execute(
            update(tables.signals)
            .where(tables.signals.c.source == signal.source)
            .values(
                checked_heartbeats=signal.checked_heartbeats,
                checked_at=signal.checked_at,
                silent=signal.silent,
                missing=signal.missing,
                missing_since=signal.missing_since,
            )
        )

    async def _known(self, source: str) -> None:
        new = {
            "source": source,
            "heartbeats": 0,
            "checked_heartbeats": 0,
            "silent": 0.0,
            "missing": False,
        }
        await insert_missing(self._connection, tables.signals, [new])


class SqlAbsences:
    """Implements `response.store.AbsenceRepository`."""

    def __init__(self, connection: AsyncConnection, now: int) -> None:
        self._connection = connection
        self.now = _EPOCH + timedelta(microseconds=now)

    async def get(self, source: str) -> list[Absence]:
        """Return what is missing at a source; nobody else judges it until the end."""
        columns = tables.absences.c
        query = (
            select(columns.fingerprint, columns.starts_at, columns.looked_at, columns.seconds)
            .where(columns.source == source)
            .order_by(columns.fingerprint)
            .with_for_update()
        )
        return [Absence(**row) for row in (await self._connection.execute(query)).mappings()]

    async def replace(self, source: str, absences: Sequence[Absence]) -> None:
        """Write what is missing now in the place of all that was."""
        columns = tables.absences.c
        await self._connection.execute(delete(tables.absences).where(columns.source == source))
        rows = [{"source": source, **asdict(one)} for one in absences]
        if rows:
            await insert_missing(self._connection, tables.absences, rows)


def _parts(values: list[Any]) -> list[list[Any]]:
    return [values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE)]


def _thread_row(message: MessageShown, now: datetime) -> Mapping[str, Any]:
    return {
        "incident_id": message.incident_id,
        "channel": message.channel,
        "recipient": message.recipient,
        "handle": message.handle,
        "last_notified_version": message.version,
        "last_notified_state": message.state.value if message.state else None,
        "last_notified_at": now,
    }
