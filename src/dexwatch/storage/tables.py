"""The tables as the code sees them; `versions.py` creates them, and a test holds the two equal."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

from dexwatch.storage.types import Document, Moment, Words

metadata = MetaData()

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

signals = Table(
    "signals",
    metadata,
    Column("key", Words, primary_key=True),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("fingerprint", Words, nullable=False),
    Column("payload", Document, nullable=False),
    Column("ingested_at", Moment, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("fingerprint", Words, nullable=False),
    Column("grp", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("severity", Text, nullable=False),
    Column("labels", Document, nullable=False),
    Column("annotations", Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ingested_at", Moment, nullable=False),
    Column("incident_id", Text),
    Column("suppressed_by", Words),
    Column("resolved_at", Moment),
)

incidents = Table(
    "incidents",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("grp", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("policy", Document, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("detected_at", Moment, nullable=False),
    Column("ingested_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("notification_round", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", Words),
    Column("previous", Text),
    Column("reopened", Integer, nullable=False),
    Column("paged_at", Moment),
    Column("last_paged_at", Moment),
    Column("delivered_at", Moment),
    Column("acknowledged_at", Moment),
    Column("mitigated_at", Moment),
    Column("resolved_at", Moment),
    Column("resolved_by", Words),
)

pages = Table(
    "pages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("notification_round", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("planned_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("delivered_at", Moment),
    Column("detail", Words, nullable=False),
)

timeline = Table(
    "timeline",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("key", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Words, nullable=False),
    Column("text", Words, nullable=False),
)

work = Table(
    "work",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("incident_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("page_id", Text),
    Column("state", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("doubt", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", Moment),
)

threads = Table(
    "threads",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("recipient", Text, primary_key=True),
    Column("handle", Text),
    Column("last_notified_version", Integer, nullable=False),
    Column("last_notified_state", Text),
    Column("told_at", Moment),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("username", Words, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)
