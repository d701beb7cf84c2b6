"""What postgres_exporter 0.11 does not ask itself: long and blocked work, indexes, replication.

All run under the role pg_monitor and read statistics only.
A query that failed would mark the whole scrape, so each works on a server without extensions.
"""

from typing import Any


def _query(sql: str, *, every: int, **columns: str) -> dict[str, Any]:
    """`columns` maps a column to "KIND: help"; `every` seconds the answer is asked anew."""
    metrics = []
    for name, text in columns.items():
        kind, _, words = text.partition(": ")
        metrics.append({name: {"usage": kind, "description": words}})
    return {"query": " ".join(sql.split()), "cache_seconds": every, "metrics": metrics}


_STATEMENTS = (
    "select sum(calls) as calls, sum(total_exec_time) / 1000 as seconds, sum(rows) as rows,"
    " sum(shared_blks_read) as blocks_read from pg_stat_statements"
)

QUERIES: dict[str, Any] = {
    "pg_activity": _query(
        """
        select
          coalesce(max(extract(epoch from now() - query_start))
            filter (where state = 'active' and backend_type = 'client backend'), 0)
            as longest_query_seconds,
          coalesce(max(extract(epoch from now() - xact_start))
            filter (where state like 'idle in transaction%'), 0)
            as longest_idle_transaction_seconds,
          count(*) filter (where wait_event_type = 'Lock') as waiting_for_lock
        from pg_stat_activity where pid <> pg_backend_pid()
        """,
        every=5,
        longest_query_seconds="GAUGE: Age of the oldest query that runs now.",
        longest_idle_transaction_seconds="GAUGE: Age of the oldest transaction that sits idle.",
        waiting_for_lock="GAUGE: Sessions that wait for a lock.",
    ),
    "pg_replica": _query(
        """
        select
          case when pg_is_in_recovery() then 1 else 0 end as is_standby,
          case when pg_is_in_recovery() and pg_last_wal_receive_lsn() <> pg_last_wal_replay_lsn()
            then greatest(0, extract(epoch from now() - pg_last_xact_replay_timestamp()))
            else 0 end as lag_seconds,
          (select count(*) from pg_stat_replication) as standbys,
          (select count(*) from pg_replication_slots where not active) as inactive_slots
        """,
        every=5,
        is_standby="GAUGE: 1 on a standby.",
        lag_seconds="GAUGE: How far a standby is behind; 0 on a primary.",
        standbys="GAUGE: Standbys that are connected to this primary.",
        inactive_slots="GAUGE: Replication slots that nobody reads, so that the log piles up.",
    ),
    "pg_tables": _query(
        """
        select current_database() as datname,
          coalesce(sum(seq_scan), 0) as full_scans,
          coalesce(sum(idx_scan), 0) as index_scans,
          coalesce(sum(n_live_tup), 0) as live_rows,
          coalesce(sum(n_dead_tup), 0) as dead_rows,
          (select count(*) from pg_stat_user_indexes where idx_scan = 0) as unused_indexes
        from pg_stat_user_tables
        """,
        every=30,
        datname="LABEL: Database.",
        full_scans="COUNTER: Tables read from end to end.",
        index_scans="COUNTER: Reads through an index.",
        live_rows="GAUGE: Rows in use.",
        dead_rows="GAUGE: Rows that await vacuuming.",
        unused_indexes="GAUGE: Indexes that no query has used since the statistics began.",
    ),
    "pg_backup": _query(
        """
        select
          (select count(*) from pg_stat_progress_basebackup) as running,
          case when current_setting('archive_mode') = 'off' then 0 else 1 end as archiving
        """,
        every=15,
        running="GAUGE: Base backups that run now.",
        archiving="GAUGE: 1 when the write-ahead log is archived.",
    ),
    # query_to_xml runs its text only when it is reached, so a server without the extension is fine.
    "pg_statements": _query(
        """
        select
          coalesce((xpath('//calls/text()', found.doc))[1]::text::float8, 0) as calls,
          coalesce((xpath('//seconds/text()', found.doc))[1]::text::float8, 0) as seconds,
          coalesce((xpath('//rows/text()', found.doc))[1]::text::float8, 0) as rows,
          coalesce((xpath('//blocks_read/text()', found.doc))[1]::text::float8, 0) as blocks_read
        from (select case
            when to_regclass('pg_stat_statements') is not null
              and pg_has_role(current_user, 'pg_read_all_settings', 'usage')
              and current_setting('shared_preload_libraries') like '%pg_stat_statements%'
            then query_to_xml('STATEMENTS', true, false, '')
            else '<none/>'::xml end as doc) as found
        """.replace("STATEMENTS", _STATEMENTS),
        every=15,
        calls="COUNTER: Statements that were run, where pg_stat_statements is on.",
        seconds="COUNTER: Seconds spent in statements.",
        rows="COUNTER: Rows that statements returned or changed.",
        blocks_read="COUNTER: Blocks that statements read from outside the buffer cache.",
    ),
}
"""Query name to definition, in postgres_exporter's file format; the name prefixes the metrics."""
