"""Panels about PostgreSQL and Redis, for the Infrastructure board."""

from functools import partial

from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Expression, Level, Panel, PanelKind, Query, State, Threshold
from dexwatch.dashboards.queries import one, or_none, quantiles, rate
from dexwatch.metrics import platform, postgres, redis
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import part_of_both
from dexwatch.metrics.scrape_class import HIGH

PG_EMPTY = "No database is scraped; check daemons.postgres.targets and Targets."
OPERATIONS_EMPTY = (
    "The platform does not report its database operations; check what its API exposes and Targets."
)
REDIS_EMPTY = "No Redis is scraped; check daemons.redis.targets and Targets."
POOL_USED = platform.db_connections.where('db_client_connection_state="used"')
NAMED = ('datname!~"template.*|postgres|"',)


def hit_share(hits: str, misses: str, label: str) -> Expression:
    """Return the share of look-ups that found what they looked for, by one label."""
    return lambda w: part_of_both(w, hits, misses, by=label)


panel = partial(Panel, empty=PG_EMPTY, source=sources.POSTGRES)
redis_panel = partial(Panel, empty=REDIS_EMPTY, source=sources.REDIS)

POSTGRES = (
    panel(
        "pg-up",
        "Databases",
        one(f"min by (instance) ({postgres.up})", "{{instance}}"),
        Unit.BOOLEAN,
        "All up.",
        ("C-DB-EXP", "A-P0-DB-DOWN"),
        kind=PanelKind.STATUS,
        width=3,
    ),
    panel(
        "pg-connections",
        "Connections used",
        one(
            (
                f"sum by (instance) ({postgres.connections})"
                f" / max by (instance) ({postgres.max_connections})"
            ),
            "{{instance}}",
        ),
        Unit.RATIO,
        "Below 80% of max_connections.",
        ("M-PG-POOL", "A-P1-DB-CONN"),
        kind=PanelKind.GAUGE,
        thresholds=(
            Threshold(0.7, Level.INFO, "little room for a peak"),
            Threshold(0.8, Level.CRITICAL, "new connections will soon be refused"),
        ),
        width=3,
    ),
    Panel(
        "pool",
        "Application pool used",
        one(
            (
                "sum by (db_client_connection_pool_name) "
                f"({POOL_USED})"
                " / sum by (db_client_connection_pool_name) "
                f"({platform.db_connections_max})"
            ),
            "{{db_client_connection_pool_name}}",
        ),
        Unit.RATIO,
        "Below 80%: requests do not wait for a connection.",
        ("M-PG-POOL",),
        kind=PanelKind.GAUGE,
        empty="The platform does not report its pool; check what its API exposes and Targets.",
        thresholds=(Threshold(0.8, Level.WARNING, "requests wait for a connection"),),
        width=3,
    ),
    panel(
        "pg-longest",
        "Longest transaction",
        one(f"max({postgres.longest_transaction.where(*NAMED)})"),
        Unit.SECONDS,
        "Seconds, not minutes; an old one holds locks and stops the clean-up.",
        ("M-PG-LOCKS",),
        kind=PanelKind.STAT,
        thresholds=(Threshold(60, Level.WARNING, "it holds back others"),),
        width=3,
    ),
    Panel(
        "pg-queries",
        "Query time, seen by the platform",
        quantiles(platform.db_seconds, 0.5, 0.95),
        Unit.SECONDS,
        "A few milliseconds.",
        ("M-PG-QUERY", "A-P1-DB-SLOW"),
        empty=OPERATIONS_EMPTY,
        thresholds=(Threshold(0.5, Level.CRITICAL, "queries are slow for everybody"),),
    ),
    panel(
        "pg-transactions",
        "Transactions per second",
        (
            Query(
                rate(postgres.commits, *NAMED, by=("datname",), scrape_class=HIGH), "{{datname}}"
            ),
            Query(
                rate(postgres.rollbacks, *NAMED, by=("datname",), scrape_class=HIGH),
                "{{datname}} · rolled back",
            ),
        ),
        Unit.PER_SECOND,
        "Follows the requests, and few roll back.",
        ("M-PG-TX",),
    ),
    panel(
        "pg-rows",
        "Rows written per second",
        (
            Query(rate(postgres.rows_inserted, *NAMED, scrape_class=HIGH), "inserted"),
            Query(rate(postgres.rows_updated, *NAMED, scrape_class=HIGH), "updated"),
            Query(rate(postgres.rows_deleted, *NAMED, scrape_class=HIGH), "deleted"),
        ),
        Unit.PER_SECOND,
        "Follows the requests.",
        ("M-PG-TX",),
    ),
    panel(
        "pg-locks",
        "Locks held, by mode",
        one(
            or_none(
                f"sum by (mode) ({postgres.locks.where(*NAMED)}) > 0", f"{postgres.up} > 0", "mode"
            ),
            "{{mode}}",
        ),
        Unit.COUNT,
        "Few exclusive ones, and none for long.",
        ("M-PG-LOCKS",),
    ),
    panel(
        "pg-size",
        "Database size",
        one(f"max by (datname) ({postgres.database_size.where(*NAMED)})", "{{datname}}"),
        Unit.BYTES,
        "Grows slowly.",
        ("M-PG-SIZE", "M-STORAGE"),
        floor=None,
    ),
    panel(
        "pg-cache",
        "Reads answered from memory",
        one(
            hit_share(
                postgres.blocks_hit.where(*NAMED), postgres.blocks_read.where(*NAMED), "datname"
            ),
            "{{datname}}",
        ),
        Unit.RATIO,
        "Above 95%.",
        ("M-PG-QUERY",),
        thresholds=(
            Threshold(0.9, Level.WARNING, "the working set outgrew the memory", below=True),
        ),
        floor=None,
    ),
)

REDIS = (
    redis_panel(
        "redis-up",
        "Redis",
        (
            Query(f"min by (instance) ({redis.up})", "{{instance}}"),
            Query(f"min by (instance) ({redis.rdb_ok})", "{{instance}} · snapshot"),
        ),
        Unit.BOOLEAN,
        "Up, and the last snapshot worked.",
        ("A-P0-REDIS-DOWN", "M-REDIS-PERSIST"),
        kind=PanelKind.STATUS,
        states={1.0: State("good", Level.OK), 0.0: State("failed", Level.CRITICAL)},
    ),
    redis_panel(
        "redis-hit",
        "Look-ups answered",
        one(hit_share(str(redis.hits), str(redis.misses), "instance"), "{{instance}}"),
        Unit.RATIO,
        "Above 80%.",
        ("M-REDIS-HIT",),
        thresholds=(
            Threshold(0.8, Level.WARNING, "the database does the cache's work", below=True),
        ),
        floor=None,
    ),
    redis_panel(
        "redis-memory",
        "Redis memory",
        one(f"max by (instance) ({redis.memory_used})", "{{instance}}"),
        Unit.BYTES,
        "Below its limit, without evictions.",
        ("M-REDIS-MEM",),
    ),
    redis_panel(
        "redis-commands",
        "Commands per second",
        one(rate(redis.commands, by=("cmd",), scrape_class=HIGH), "{{cmd}}"),
        Unit.PER_SECOND,
        "The mix that you know.",
        ("M-REDIS-CMD",),
        limit=6,
    ),
    redis_panel(
        "redis-keys",
        "Keys",
        (
            Query(f"sum by (db) ({redis.keys}) > 0", "{{db}}"),
            Query(f"sum by (db) ({redis.keys_expiring}) > 0", "{{db}} · will expire"),
        ),
        Unit.COUNT,
        "Stable; keys without an end fill the memory.",
        ("M-REDIS-KEYS",),
    ),
    redis_panel(
        "redis-clients",
        "Redis connections",
        (
            Query(f"sum({redis.clients})", "connected"),
            Query(f"sum({redis.clients_blocked})", "blocked"),
        ),
        Unit.COUNT,
        "Follows the application's processes.",
        ("M-REDIS-CONN",),
    ),
)
