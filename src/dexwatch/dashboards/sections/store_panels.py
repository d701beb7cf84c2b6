"""Panels about PostgreSQL and Redis, for the Infrastructure board."""

from dexwatch.dashboards.board import (
    Expression,
    Level,
    Panel,
    PanelKind,
    Query,
    State,
    Threshold,
)
from dexwatch.dashboards.queries import quantile, rate, text
from dexwatch.metrics import platform, postgres, redis
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import Windows
from dexwatch.metrics.scrape_class import HIGH

PG_EMPTY = "No database is scraped; check daemons.postgres.targets and Targets."
REDIS_EMPTY = "No Redis is scraped; check daemons.redis.targets and Targets."
POOL_USED = platform.db_connections.where('db_client_connection_state="used"')
NAMED = ('datname!~"template.*|postgres|"',)


def hit_share(hits: str, misses: str, label: str) -> Expression:
    """Return the share of look-ups that found what they looked for, by one label."""

    def expression(w: Windows) -> str:
        found = f"sum by ({label}) (rate({hits}[{w.window(300, HIGH)}]))"
        missed = f"sum by ({label}) (rate({misses}[{w.window(300, HIGH)}]))"
        return f"{found} / ({found} + {missed} > 0)"

    return expression


POSTGRES = (
    Panel(
        "pg-up",
        "Databases",
        PanelKind.STATUS,
        (Query(text(f"min by (instance) ({postgres.up})"), "{{instance}}"),),
        Unit.BOOLEAN,
        "All up.",
        ("C-DB-EXP", "A-P0-DB-DOWN"),
        PG_EMPTY,
        width=3,
    ),
    Panel(
        "pg-connections",
        "Connections used",
        PanelKind.GAUGE,
        (
            Query(
                text(
                    f"sum by (instance) ({postgres.connections})"
                    f" / max by (instance) ({postgres.max_connections})"
                ),
                "{{instance}}",
            ),
        ),
        Unit.RATIO,
        "Below 80% of max_connections.",
        ("M-PG-POOL", "A-P1-DB-CONN"),
        PG_EMPTY,
        thresholds=(
            Threshold(0.7, Level.INFO, "little room for a peak"),
            Threshold(0.8, Level.CRITICAL, "new connections will soon be refused"),
        ),
        width=3,
    ),
    Panel(
        "pool",
        "Application pool used",
        PanelKind.GAUGE,
        (
            Query(
                text(
                    "sum by (db_client_connection_pool_name) "
                    f"({POOL_USED})"
                    " / sum by (db_client_connection_pool_name) "
                    f"({platform.db_connections_max})"
                ),
                "{{db_client_connection_pool_name}}",
            ),
        ),
        Unit.RATIO,
        "Below 80%: requests do not wait for a connection.",
        ("M-PG-POOL",),
        "The platform does not report its connection pool.",
        thresholds=(Threshold(0.8, Level.WARNING, "requests wait for a connection"),),
        width=3,
    ),
    Panel(
        "pg-longest",
        "Longest transaction",
        PanelKind.STAT,
        (Query(text(f"max({postgres.longest_transaction.where(*NAMED)})")),),
        Unit.SECONDS,
        "Seconds, not minutes; an old one holds locks and stops the clean-up.",
        ("M-PG-LOCKS",),
        PG_EMPTY,
        thresholds=(Threshold(60, Level.WARNING, "it holds back others"),),
        width=3,
    ),
    Panel(
        "pg-queries",
        "Query time, seen by the platform",
        PanelKind.TIMESERIES,
        (
            Query(quantile(0.5, platform.db_seconds), "median"),
            Query(quantile(0.95, platform.db_seconds), "95 of 100"),
        ),
        Unit.SECONDS,
        "A few milliseconds.",
        ("M-PG-QUERY", "A-P1-DB-SLOW"),
        "The platform does not report its database operations.",
        thresholds=(Threshold(0.5, Level.CRITICAL, "queries are slow for everybody"),),
    ),
    Panel(
        "pg-transactions",
        "Transactions per second",
        PanelKind.TIMESERIES,
        (
            Query(
                rate(postgres.commits, *NAMED, by=("datname",), scrape_class=HIGH),
                "{{datname}}",
            ),
            Query(
                rate(postgres.rollbacks, *NAMED, by=("datname",), scrape_class=HIGH),
                "{{datname}} · rolled back",
            ),
        ),
        Unit.PER_SECOND,
        "Follows the requests, and few roll back.",
        ("M-PG-TX",),
        PG_EMPTY,
    ),
    Panel(
        "pg-rows",
        "Rows written per second",
        PanelKind.TIMESERIES,
        (
            Query(rate(postgres.rows_inserted, *NAMED, scrape_class=HIGH), "inserted"),
            Query(rate(postgres.rows_updated, *NAMED, scrape_class=HIGH), "updated"),
            Query(rate(postgres.rows_deleted, *NAMED, scrape_class=HIGH), "deleted"),
        ),
        Unit.PER_SECOND,
        "Follows the requests.",
        ("M-PG-TX",),
        PG_EMPTY,
    ),
    Panel(
        "pg-locks",
        "Locks held, by mode",
        PanelKind.TIMESERIES,
        (Query(text(f"sum by (mode) ({postgres.locks.where(*NAMED)}) > 0"), "{{mode}}"),),
        Unit.COUNT,
        "Few exclusive ones, and none for long.",
        ("M-PG-LOCKS",),
        "No lock is held right now.",
    ),
    Panel(
        "pg-size",
        "Database size",
        PanelKind.TIMESERIES,
        (Query(text(f"max by (datname) ({postgres.database_size.where(*NAMED)})"), "{{datname}}"),),
        Unit.BYTES,
        "Grows slowly.",
        ("M-PG-SIZE", "M-STORAGE"),
        PG_EMPTY,
        floor=None,
    ),
    Panel(
        "pg-cache",
        "Reads answered from memory",
        PanelKind.TIMESERIES,
        (
            Query(
                hit_share(
                    postgres.blocks_hit.where(*NAMED),
                    postgres.blocks_read.where(*NAMED),
                    "datname",
                ),
                "{{datname}}",
            ),
        ),
        Unit.RATIO,
        "Above 95%.",
        ("M-PG-QUERY",),
        PG_EMPTY,
        thresholds=(
            Threshold(0.9, Level.WARNING, "the working set outgrew the memory", below=True),
        ),
        floor=None,
    ),
)

REDIS = (
    Panel(
        "redis-up",
        "Redis",
        PanelKind.STATUS,
        (
            Query(text(f"min by (instance) ({redis.up})"), "{{instance}}"),
            Query(text(f"min by (instance) ({redis.rdb_ok})"), "{{instance}} · snapshot"),
        ),
        Unit.BOOLEAN,
        "Up, and the last snapshot worked.",
        ("A-P0-REDIS-DOWN", "M-REDIS-PERSIST"),
        REDIS_EMPTY,
        states={1.0: State("good", Level.OK), 0.0: State("failed", Level.CRITICAL)},
    ),
    Panel(
        "redis-hit",
        "Look-ups answered",
        PanelKind.TIMESERIES,
        (Query(hit_share(str(redis.hits), str(redis.misses), "instance"), "{{instance}}"),),
        Unit.RATIO,
        "Above 80%.",
        ("M-REDIS-HIT",),
        REDIS_EMPTY,
        thresholds=(
            Threshold(0.8, Level.WARNING, "the database does the cache's work", below=True),
        ),
        floor=None,
    ),
    Panel(
        "redis-memory",
        "Redis memory",
        PanelKind.TIMESERIES,
        (Query(text(f"max by (instance) ({redis.memory_used})"), "{{instance}}"),),
        Unit.BYTES,
        "Below its limit, without evictions.",
        ("M-REDIS-MEM",),
        REDIS_EMPTY,
    ),
    Panel(
        "redis-commands",
        "Commands per second",
        PanelKind.TIMESERIES,
        (Query(rate(redis.commands, by=("cmd",), scrape_class=HIGH), "{{cmd}}"),),
        Unit.PER_SECOND,
        "The mix that you know.",
        ("M-REDIS-CMD",),
        REDIS_EMPTY,
        limit=6,
    ),
    Panel(
        "redis-keys",
        "Keys",
        PanelKind.TIMESERIES,
        (
            Query(text(f"sum by (db) ({redis.keys}) > 0"), "{{db}}"),
            Query(text(f"sum by (db) ({redis.keys_expiring}) > 0"), "{{db}} · will expire"),
        ),
        Unit.COUNT,
        "Stable; keys without an end fill the memory.",
        ("M-REDIS-KEYS",),
        REDIS_EMPTY,
    ),
    Panel(
        "redis-clients",
        "Redis connections",
        PanelKind.TIMESERIES,
        (
            Query(text(f"sum({redis.clients})"), "connected"),
            Query(text(f"sum({redis.clients_blocked})"), "blocked"),
        ),
        Unit.COUNT,
        "Follows the application's processes.",
        ("M-REDIS-CONN",),
        REDIS_EMPTY,
    ),
)
