"""The tables as the code sees them; migrations create them, and a test holds the two equal."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, text

from dexwatch.storage.types import Json, Text, UtcTimestamp

metadata = MetaData()
_Kind = type[sa.types.TypeEngine[Any]]


def _serial(name: str = "id") -> Column[Any]:
    return Column(name, sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _keys(*names: str) -> list[Column[Any]]:
    return [Column(name, Text, primary_key=True) for name in names]


def _needed(kind: _Kind, *names: str) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


def _optional(kind: _Kind, *names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names]


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", sa.BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    _serial(),
    *_needed(Text, "grp", "source", "kind", "reason"),
    Column("incident_id", Text),
    Column("body", Json, nullable=False),
    Column("raw", Json),
    Column("decided_at", UtcTimestamp, nullable=False),
    Column("incident_version", Integer),
    Index("events_by_group", "grp", "id"),
    Index("events_by_incident", "incident_id"),
    Index("events_by_time", "decided_at"),
    sqlite_autoincrement=True,
)

# Events that changed nothing: the first is kept whole, the others are counted.
event_repeats = Table(
    "event_repeats",
    metadata,
    Column("key", Text, primary_key=True),
    *_needed(Text, "source", "kind", "reason"),
    Column("body", Json, nullable=False),
    Column("raw", Json),
    Column("repeats", Integer, nullable=False),
    *_needed(UtcTimestamp, "first_at", "last_at"),
    Index("event_repeats_by_time", "last_at"),
)

groups = Table(
    "groups",
    metadata,
    Column("key", Text, primary_key=True),
    Column("incident_number", sa.BigInteger),
)


def _alert_columns() -> list[Column[Any]]:
    return [
        *_needed(Text, "grp", "name", "severity", "state"),
        *_needed(Json, "labels", "annotations"),
        *_needed(UtcTimestamp, "began_at", "starts_at", "ingested_at"),
        Column("suppressed_by", Text),
        Column("resolved_at", UtcTimestamp),
    ]


alerts = Table(
    "alerts",
    metadata,
    *_keys("source", "fingerprint"),
    *_alert_columns(),
    Column("incident_id", Text),
    Index("alerts_by_state", "state", "source"),
    Index("alerts_by_incident", "incident_id"),
    Index("alerts_by_end", "resolved_at"),
)

# What an incident shows of its alerts, whatever becomes of them later.
incident_alerts = Table(
    "incident_alerts",
    metadata,
    *_keys("incident_id", "source", "fingerprint"),
    *_alert_columns(),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    *_needed(Text, "id", "grp", "title", "severity", "state"),
    *_needed(Json, "policy", "things", "recipients"),
    *_needed(UtcTimestamp, "began_at", "detected_at", "ingested_at", "changed_at"),
    *_needed(Integer, "notification_round", "version", "reopened", "firing_alerts"),
    *_optional(Text, "owner", "previous", "resolved_by"),
    *_optional(
        UtcTimestamp,
        "paged_at",
        "last_paged_at",
        "delivered_at",
        "acknowledged_at",
        "mitigated_at",
        "resolved_at",
    ),
    Index("incidents_by_id", "id", unique=True),
    Index("one_open_incident", "grp", unique=True, **_where("state <> 'resolved'")),
    Index("incidents_by_group", "grp", "number"),
    Index("incidents_by_end", "resolved_at"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    *_needed(Text, "incident_id", "channel", "recipient", "severity", "why", "state", "detail"),
    *_needed(Integer, "notification_round", "attempts"),
    Column("planned_at", UtcTimestamp, nullable=False),
    Column("expedited", Boolean, nullable=False),
    Column("delivered_at", UtcTimestamp),
    Index("notifications_by_incident", "incident_id", "notification_round"),
)

timeline = Table(
    "timeline",
    metadata,
    _serial(),
    *_needed(Text, "incident_id", "key", "kind", "author", "text"),
    Column("at", UtcTimestamp, nullable=False),
    Index("one_line", "incident_id", "key", unique=True),
    sqlite_autoincrement=True,
)

delivery_threads = Table(
    "delivery_threads",
    metadata,
    *_keys("incident_id", "channel", "recipient"),
    *_optional(Text, "handle", "last_notified_state"),
    Column("last_notified_version", Integer, nullable=False),
    Column("last_notified_at", UtcTimestamp),
)

jobs = Table(
    "jobs",
    metadata,
    _serial(),
    *_needed(Text, "kind", "queue", "lane", "key", "subject", "state", "result"),
    Column("payload", Json, nullable=False),
    *_needed(Integer, "priority", "attempts", "crashes", "uncertain", "version", "late_results"),
    # Microseconds by the database's clock; `set_at` is when the other times were last set, which
    # shows a clock that has been put back.
    *_needed(sa.BigInteger, "due_at", "set_at", "wished_at"),
    Column("finished_at", sa.BigInteger),
    Column("lease", sa.Float, nullable=False),
    *_optional(Text, "lease_token", "lease_owner"),
    Column("renewals", sa.BigInteger, nullable=False, server_default="0"),
    Column("max_attempts", Integer),
    Index("one_job", "key", unique=True),
    Index("jobs_due", "queue", "priority", "due_at", **_where("state = 'due'")),
    Index("jobs_leased", "id", **_where("state = 'leased'")),
    Index("jobs_by_subject", "subject"),
    Index("jobs_by_end", "finished_at"),
    sqlite_autoincrement=True,
)

holds = Table(
    "holds",
    metadata,
    *_keys("queue", "lane"),
    *_needed(sa.BigInteger, "until", "set_at"),
)

# The dead man's signals: how many came, and how many of them the last check has seen.
signals = Table(
    "signals",
    metadata,
    Column("source", Text, primary_key=True),
    *_needed(sa.BigInteger, "heartbeats", "checked_heartbeats"),
    *_optional(UtcTimestamp, "seen_at", "checked_at", "missing_since"),
    Column("silent", sa.Float, nullable=False),
    Column("missing", Boolean, nullable=False),
)

# Alerts that fire here and are missing at their source; seconds are summed up look by look.
absences = Table(
    "absences",
    metadata,
    *_keys("source", "fingerprint"),
    *_needed(UtcTimestamp, "starts_at", "looked_at"),
    Column("seconds", sa.Float, nullable=False),
)

# What retention's last look at the wall clock found.
clock_trust = Table(
    "clock_trust",
    metadata,
    Column("name", Text, primary_key=True),
    Column("looked_at", UtcTimestamp, nullable=False),
    Column("believed_at", UtcTimestamp),
    Column("even_seconds", sa.Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    *_needed(Text, "username", "csrf"),
    *_needed(UtcTimestamp, "created_at", "expires_at"),
    Index("sessions_by_end", "expires_at"),
)
