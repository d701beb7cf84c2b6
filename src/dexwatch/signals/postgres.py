"""PostgreSQL metrics as postgres_exporter 0.11.1 exposes them; tests ask the real binary."""

from dexwatch.signals.metric import Unit, counter, gauge

OWNER = "postgres_exporter"
SERVER = ("server",)
DATABASE = ("server", "datname")
DATABASE_ID = ("server", "datname", "datid")

up = gauge("pg_up", "1 when the exporter reached the server.", unit=Unit.BOOLEAN, owner=OWNER)
last_scrape_error = gauge(
    "pg_exporter_last_scrape_error",
    "1 when the last reading failed in part.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
)
connections = gauge(
    "pg_stat_activity_count",
    "Connections by state.",
    unit=Unit.COUNT,
    labels=(*DATABASE, "state"),
    owner=OWNER,
)
longest_transaction = gauge(
    "pg_stat_activity_max_tx_duration",
    "Age of the oldest running transaction by state.",
    unit=Unit.SECONDS,
    labels=(*DATABASE, "state"),
    owner=OWNER,
)
max_connections = gauge(
    "pg_settings_max_connections",
    "Most connections that the server allows.",
    unit=Unit.COUNT,
    labels=SERVER,
    owner=OWNER,
)
backends = gauge(
    "pg_stat_database_numbackends",
    "Connections to a database.",
    unit=Unit.COUNT,
    labels=DATABASE_ID,
    owner=OWNER,
)
commits = counter(
    "pg_stat_database_xact_commit",
    "Transactions committed.",
    labels=DATABASE_ID,
    owner=OWNER,
)
rollbacks = counter(
    "pg_stat_database_xact_rollback",
    "Transactions rolled back.",
    labels=DATABASE_ID,
    owner=OWNER,
)
deadlocks = counter("pg_stat_database_deadlocks", "Deadlocks.", labels=DATABASE_ID, owner=OWNER)
blocks_hit = counter(
    "pg_stat_database_blks_hit",
    "Blocks found in the buffer cache.",
    labels=DATABASE_ID,
    owner=OWNER,
)
blocks_read = counter(
    "pg_stat_database_blks_read",
    "Blocks read from disk.",
    labels=DATABASE_ID,
    owner=OWNER,
)
rows_fetched = counter(
    "pg_stat_database_tup_fetched", "Rows fetched.", labels=DATABASE_ID, owner=OWNER
)
rows_returned = counter(
    "pg_stat_database_tup_returned", "Rows scanned.", labels=DATABASE_ID, owner=OWNER
)
rows_inserted = counter(
    "pg_stat_database_tup_inserted", "Rows inserted.", labels=DATABASE_ID, owner=OWNER
)
rows_updated = counter(
    "pg_stat_database_tup_updated", "Rows updated.", labels=DATABASE_ID, owner=OWNER
)
rows_deleted = counter(
    "pg_stat_database_tup_deleted", "Rows deleted.", labels=DATABASE_ID, owner=OWNER
)
temporary_bytes = counter(
    "pg_stat_database_temp_bytes",
    "Bytes written to temporary files by queries that outgrew their memory.",
    unit=Unit.BYTES,
    labels=DATABASE_ID,
    owner=OWNER,
)
locks = gauge(
    "pg_locks_count",
    "Locks held or awaited, by mode.",
    unit=Unit.COUNT,
    labels=(*DATABASE, "mode"),
    owner=OWNER,
)
database_size = gauge(
    "pg_database_size_bytes",
    "Size of a database on disk.",
    unit=Unit.BYTES,
    labels=DATABASE,
    owner=OWNER,
)
checkpoints_requested = counter(
    "pg_stat_bgwriter_checkpoints_req_total",
    "Checkpoints forced by the volume of writes.",
    labels=SERVER,
    owner=OWNER,
)
checkpoints_timed = counter(
    "pg_stat_bgwriter_checkpoints_timed_total",
    "Checkpoints made because their time had come.",
    labels=SERVER,
    owner=OWNER,
)
archive_failures = counter(
    "pg_stat_archiver_failed_count",
    "Attempts to archive a piece of the write-ahead log that failed.",
    labels=SERVER,
    owner=OWNER,
)
archive_age = gauge(
    "pg_stat_archiver_last_archive_age",
    "Time since a piece of the write-ahead log was last archived.",
    unit=Unit.SECONDS,
    labels=SERVER,
    owner=OWNER,
)

POSTGRES_METRICS = (
    up,
    last_scrape_error,
    connections,
    longest_transaction,
    max_connections,
    backends,
    commits,
    rollbacks,
    deadlocks,
    blocks_hit,
    blocks_read,
    rows_fetched,
    rows_returned,
    rows_inserted,
    rows_updated,
    rows_deleted,
    temporary_bytes,
    locks,
    database_size,
    checkpoints_requested,
    checkpoints_timed,
    archive_failures,
    archive_age,
)
