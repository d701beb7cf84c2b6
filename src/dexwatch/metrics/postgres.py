"""PostgreSQL metrics as postgres_exporter 0.11.1 exposes them with our own queries."""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric, Unit

counter = partial(metric.counter, owner="postgres_exporter")
gauge = partial(metric.gauge, owner="postgres_exporter")
state = partial(metric.state, owner="postgres_exporter")
SERVER = ("server",)
DATABASE = ("server", "datname")
DATABASE_ID = ("server", "datname", "datid")
server_counter = partial(counter, labels=SERVER)
server_gauge = partial(gauge, labels=SERVER)
database_counter = partial(counter, labels=DATABASE_ID)
named_gauge = partial(gauge, labels=DATABASE)

up = state(
    "pg_up", "1 when the exporter reached the server.", requirements=("C-DB-EXP", "C-POSTGRES")
)
last_scrape_error = state(
    "pg_exporter_last_scrape_error", "1 when the last reading failed in part."
)
connections = gauge(
    "pg_stat_activity_count",
    "Connections by state.",
    labels=(*DATABASE, "state"),
    requirements=("C-POSTGRES", "M-PG-POOL"),
)
longest_transaction = gauge(
    "pg_stat_activity_max_tx_duration",
    "Age of the oldest running transaction by state.",
    unit=Unit.SECONDS,
    labels=(*DATABASE, "state"),
    requirements=("M-PG-LOCKS",),
)
max_connections = server_gauge(
    "pg_settings_max_connections",
    "Most connections that the server allows.",
    requirements=("M-PG-POOL",),
)
backends = gauge("pg_stat_database_numbackends", "Connections to a database.", labels=DATABASE_ID)
commits = database_counter(
    "pg_stat_database_xact_commit", "Transactions committed.", requirements=("M-PG-TX",)
)
rollbacks = database_counter(
    "pg_stat_database_xact_rollback", "Transactions rolled back.", requirements=("M-PG-TX",)
)
deadlocks = database_counter("pg_stat_database_deadlocks", "Deadlocks.")
blocks_hit = database_counter("pg_stat_database_blks_hit", "Blocks found in the buffer cache.")
blocks_read = database_counter("pg_stat_database_blks_read", "Blocks read from disk.")
rows_fetched = database_counter("pg_stat_database_tup_fetched", "Rows fetched.")
rows_returned = database_counter("pg_stat_database_tup_returned", "Rows scanned.")
rows_inserted = database_counter(
    "pg_stat_database_tup_inserted", "Rows inserted.", requirements=("M-PG-TX",)
)
rows_updated = database_counter(
    "pg_stat_database_tup_updated", "Rows updated.", requirements=("M-PG-TX",)
)
rows_deleted = database_counter(
    "pg_stat_database_tup_deleted", "Rows deleted.", requirements=("M-PG-TX",)
)
temporary_bytes = database_counter(
    "pg_stat_database_temp_bytes",
    "Bytes written to temporary files by queries that outgrew their memory.",
)
locks = gauge(
    "pg_locks_count",
    "Locks held or awaited, by mode.",
    labels=(*DATABASE, "mode"),
    requirements=("M-PG-LOCKS",),
)
database_size = named_gauge(
    "pg_database_size_bytes",
    "Size of a database on disk.",
    requirements=("C-POSTGRES", "M-PG-SIZE", "M-STORAGE"),
)
checkpoints_requested = server_counter(
    "pg_stat_bgwriter_checkpoints_req_total", "Checkpoints forced by the volume of writes."
)
checkpoints_timed = server_counter(
    "pg_stat_bgwriter_checkpoints_timed_total", "Checkpoints made because their time had come."
)
archive_failures = server_counter(
    "pg_stat_archiver_failed_count",
    "Attempts to archive a piece of the write-ahead log that failed.",
    requirements=("M-PG-BACKUP",),
)
archive_age = server_gauge(
    "pg_stat_archiver_last_archive_age",
    "Time since a piece of the write-ahead log was last archived.",
    unit=Unit.SECONDS,
)

longest_query = server_gauge(
    "pg_activity_longest_query_seconds",
    "Age of the oldest query that runs now.",
    requirements=("M-PG-QUERY",),
)
longest_idle_transaction = server_gauge(
    "pg_activity_longest_idle_transaction_seconds", "Age of the oldest transaction that sits idle."
)
waiting_for_lock = server_gauge(
    "pg_activity_waiting_for_lock", "Sessions that wait for a lock.", requirements=("M-PG-LOCKS",)
)
is_standby = server_gauge(
    "pg_replica_is_standby", "1 on a standby.", unit=Unit.BOOLEAN, requirements=("M-PG-REPL",)
)
replica_lag = server_gauge(
    "pg_replica_lag_seconds",
    "How far a standby is behind; 0 on a primary.",
    requirements=("M-PG-REPL",),
)
standbys = server_gauge(
    "pg_replica_standbys",
    "Standbys that are connected to this primary.",
    requirements=("M-PG-REPL",),
)
inactive_slots = server_gauge(
    "pg_replica_inactive_slots", "Replication slots that nobody reads, so that the log piles up."
)
full_scans = counter(
    "pg_tables_full_scans",
    "Tables read from end to end.",
    labels=DATABASE,
    requirements=("M-PG-INDEX",),
)
index_scans = counter(
    "pg_tables_index_scans",
    "Reads through an index.",
    labels=DATABASE,
    requirements=("M-PG-INDEX",),
)
live_rows = named_gauge("pg_tables_live_rows", "Rows in use.")
dead_rows = named_gauge("pg_tables_dead_rows", "Rows that await vacuuming.")
unused_indexes = named_gauge(
    "pg_tables_unused_indexes",
    "Indexes that no query has used since the statistics began.",
    requirements=("M-PG-INDEX",),
)
backup_running = server_gauge("pg_backup_running", "Base backups that run now.")
archiving = server_gauge(
    "pg_backup_archiving",
    "1 when the write-ahead log is archived.",
    unit=Unit.BOOLEAN,
    requirements=("M-PG-BACKUP",),
)
statements = server_counter(
    "pg_statements_calls", "Statements that were run, where pg_stat_statements is on."
)
statement_seconds = server_counter("pg_statements_seconds", "Seconds spent in statements.")

POSTGRES_METRICS = declared(Metric, globals())
