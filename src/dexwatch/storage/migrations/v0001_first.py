"""The first schema: events, alerts, incidents, notifications, jobs, sign-in sessions."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    _counters()
    _events()
    _event_repeats()
    _groups()
    _alerts()
    _incident_alerts()
    _incidents()
    _notifications()
    _timeline()
    _delivery_threads()
    _jobs()
    _holds()
    _sessions()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE incident_number")
    else:
        op.execute("INSERT INTO counters (name, value) VALUES ('incident', 0)")


def downgrade() -> None:
    """There is no way back but a copy from before."""
    raise NotImplementedError


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _counters() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("grp", sa.Text, nullable=False),
        sa.Column("incident_id", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("raw", sa.Text),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("incident_version", sa.Integer),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_group", "events", ["grp", "id"])
    op.create_index("events_by_incident", "events", ["incident_id"])
    op.create_index("events_by_time", "events", ["decided_at"])


def _event_repeats() -> None:
    op.create_table(
        "event_repeats",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("raw", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
    )
    op.create_index("event_repeats_by_time", "event_repeats", ["last_at"])


def _groups() -> None:
    op.create_table(
        "groups",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("incident_number", sa.BigInteger),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("grp", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("annotations", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sa.Column("suppressed_by", sa.Text),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("incident_id", sa.Text),
    )
    op.create_index("alerts_by_end", "alerts", ["resolved_at"])
    op.create_index("alerts_by_incident", "alerts", ["incident_id"])
    op.create_index("alerts_by_state", "alerts", ["state", "source"])


def _incident_alerts() -> None:
    op.create_table(
        "incident_alerts",
        sa.Column("incident_id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("grp", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("annotations", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sa.Column("suppressed_by", sa.Text),
        sa.Column("resolved_at", sa.BigInteger),
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("grp", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("detected_at", sa.BigInteger, nullable=False),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("notification_round", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("previous", sa.Text),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("paged_at", sa.BigInteger),
        sa.Column("last_paged_at", sa.BigInteger),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("acknowledged_at", sa.BigInteger),
        sa.Column("mitigated_at", sa.BigInteger),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("resolved_by", sa.Text),
        sa.Column("firing_alerts", sa.Integer, nullable=False),
        sa.Column("things", sa.Text, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
    )
    op.create_index("incidents_by_end", "incidents", ["resolved_at"])
    op.create_index("incidents_by_group", "incidents", ["grp", "number"])
    op.create_index("incidents_by_id", "incidents", ["id"], unique=True)
    op.create_index(
        "one_open_incident", "incidents", ["grp"], unique=True, **_where("state <> 'resolved'")
    )


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("notification_round", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("planned_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("expedited", sa.Boolean, nullable=False),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index(
        "notifications_by_incident", "notifications", ["incident_id", "notification_round"]
    )


def _timeline() -> None:
    op.create_table(
        "timeline",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("one_line", "timeline", ["incident_id", "key"], unique=True)


def _delivery_threads() -> None:
    op.create_table(
        "delivery_threads",
        sa.Column("incident_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("recipient", sa.Text, primary_key=True),
        sa.Column("handle", sa.Text),
        sa.Column("last_notified_version", sa.Integer, nullable=False),
        sa.Column("last_notified_state", sa.Text),
        sa.Column("last_notified_at", sa.BigInteger),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("set_at", sa.BigInteger, nullable=False),
        sa.Column("wished_at", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("lease", sa.Float, nullable=False),
        sa.Column("lease_token", sa.Text),
        sa.Column("lease_owner", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("uncertain", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("late_results", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_end", "jobs", ["finished_at"])
    op.create_index("jobs_by_subject", "jobs", ["subject"])
    op.create_index("jobs_due", "jobs", ["queue", "priority", "due_at"], **_where("state = 'due'"))
    op.create_index("jobs_leased", "jobs", ["lease_until"], **_where("state = 'leased'"))
    op.create_index("one_job", "jobs", ["key"], unique=True)


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("set_at", sa.BigInteger, nullable=False),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text, primary_key=True),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("sessions_by_end", "sessions", ["expires_at"])
