"""The tables as the code sees them; migrations create them, and a test holds the two equal."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, text

from dexwatch.storage.types import Json, Text, UtcTimestamp

metadata = MetaData()


def _serial(name: str = "id") -> Column[Any]:
    return Column(name, sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


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
    Column("grp", Text, nullable=False),
    Column("incident_id", Text),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("raw", Json),
    Column("decided_at", UtcTimestamp, nullable=False),
    Column("reason", Text, nullable=False),
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
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("raw", Json),
    Column("reason", Text, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("first_at", UtcTimestamp, nullable=False),
    Column("last_at", UtcTimestamp, nullable=False),
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
        Column("grp", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("labels", Json, nullable=False),
        Column("annotations", Json, nullable=False),
        Column("state", Text, nullable=False),
        Column("began_at", UtcTimestamp, nullable=False),
        Column("starts_at", UtcTimestamp, nullable=False),
        Column("ingested_at", UtcTimestamp, nullable=False),
        Column("suppressed_by", Text),
        Column("resolved_at", UtcTimestamp),
    ]


alerts = Table(
    "alerts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
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
    Column("incident_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    *_alert_columns(),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("grp", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("policy", Json, nullable=False),
    Column("began_at", UtcTimestamp, nullable=False),
    Column("detected_at", UtcTimestamp, nullable=False),
    Column("ingested_at", UtcTimestamp, nullable=False),
    Column("changed_at", UtcTimestamp, nullable=False),
    Column("notification_round", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", Text),
    Column("previous", Text),
    Column("reopened", Integer, nullable=False),
    Column("paged_at", UtcTimestamp),
    Column("last_paged_at", UtcTimestamp),
    Column("delivered_at", UtcTimestamp),
    Column("acknowledged_at", UtcTimestamp),
    Column("mitigated_at", UtcTimestamp),
    Column("resolved_at", UtcTimestamp),
    Column("resolved_by", Text),
    Column("firing_alerts", Integer, nullable=False),
    Column("things", Json, nullable=False),
    Column("recipients", Json, nullable=False),
    Index("incidents_by_id", "id", unique=True),
    Index("one_open_incident", "grp", unique=True, **_where("state <> 'resolved'")),
    Index("incidents_by_group", "grp", "number"),
    Index("incidents_by_end", "resolved_at"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("notification_round", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("planned_at", UtcTimestamp, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("expedited", Boolean, nullable=False),
    Column("delivered_at", UtcTimestamp),
    Column("detail", Text, nullable=False),
    Index("notifications_by_incident", "incident_id", "notification_round"),
)

timeline = Table(
    "timeline",
    metadata,
    _serial(),
    Column("incident_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", UtcTimestamp, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("one_line", "incident_id", "key", unique=True),
    sqlite_autoincrement=True,
)

delivery_threads = Table(
    "delivery_threads",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("handle", Text),
    Column("last_notified_version", Integer, nullable=False),
    Column("last_notified_state", Text),
    Column("last_notified_at", UtcTimestamp),
)

jobs = Table(
    "jobs",
    metadata,
    _serial(),
    Column("kind", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # Microseconds by the database's clock; `set_at` is when the other times were last set, which
    # shows a clock that has been put back.
    Column("due_at", sa.BigInteger, nullable=False),
    Column("set_at", sa.BigInteger, nullable=False),
    Column("wished_at", sa.BigInteger, nullable=False),
    Column("finished_at", sa.BigInteger),
    Column("lease", sa.Float, nullable=False),
    Column("lease_token", Text),
    Column("lease_owner", Text),
    Column("renewals", sa.BigInteger, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer),
    Column("crashes", Integer, nullable=False),
    Column("uncertain", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("result", Text, nullable=False),
    Column("late_results", Integer, nullable=False),
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
    Column("queue", Text, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("until", sa.BigInteger, nullable=False),
    Column("set_at", sa.BigInteger, nullable=False),
)

# The dead man's signals: how many came, and how many of them the last check has seen.
signals = Table(
    "signals",
    metadata,
    Column("source", Text, primary_key=True),
    Column("heartbeats", sa.BigInteger, nullable=False),
    Column("seen_at", UtcTimestamp),
    Column("checked_heartbeats", sa.BigInteger, nullable=False),
    Column("checked_at", UtcTimestamp),
    Column("silent", sa.Float, nullable=False),
    Column("missing", Boolean, nullable=False),
    Column("missing_since", UtcTimestamp),
)

# Alerts that fire here and are missing at their source; seconds are summed up look by look.
absences = Table(
    "absences",
    metadata,
    Column("source", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("starts_at", UtcTimestamp, nullable=False),
    Column("looked_at", UtcTimestamp, nullable=False),
    Column("seconds", sa.Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("username", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("expires_at", UtcTimestamp, nullable=False),
    Index("sessions_by_end", "expires_at"),
)
