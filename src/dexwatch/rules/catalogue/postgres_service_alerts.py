"""The platform's PostgreSQL: reachable, fast, with connections to spare, replicated, archived."""

from functools import partial

from dexwatch.metrics import platform, postgres, prometheus
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import enough, gained, quantile, seen_down
from dexwatch.metrics.scrape_class import CRITICAL, HIGH, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

postgres_rule = partial(AlertRule, component=Component.DATABASE)


def _reachable(profile: EvaluationProfile) -> str:
    """A server that hangs makes its exporter hang, and then there is no `pg_up` at all."""
    window = profile.window(30, HIGH)
    scrapes, took = (m.where('job="postgres"') for m in (prometheus.up, prometheus.scrape_seconds))
    # An exporter that is merely gone is refused at once; only a hanging one takes its time.
    hangs = f"max_over_time({scrapes}[{window}]) == 0 and min_over_time({took}[{window}]) > 1"
    return f"({hangs}) or ({seen_down(profile, str(postgres.up))})"


DATABASE_DOWN = state_rule(
    id="DatabaseDown",
    severity=Severity.P0,
    component=Component.DATABASE,
    alert_group="database",
    inhibits="availability",
    scrape_class=CRITICAL,
    keep_firing_seconds=180,
    value=_reachable,
    why=(
        "Two failed scrapes of the exporter are proof, and the second costs five seconds; a restart"
        " of a second is seen once. Where the exporter itself waits in vain, a minute of nothing"
        " but time-outs counts as down. Keeping it firing bridges lost scrapes."
    ),
    summary="The database behind {{ $labels.instance }} accepts no connection.",
    description="The exporter cannot connect: sign-in, balances and orders stop.",
    runbook=Runbook(
        meaning="Nothing that reads or writes accounts works.",
        check=(
            "See whether the server process runs, and what its log says last.",
            "See whether its disk is full and whether the host is alive.",
            "Try to connect with psql from an API host.",
        ),
        fix=(
            "Start the server; let it finish recovery without being killed.",
            "Free disk space if that stopped it.",
            "Promote the replica when recovery takes longer than the promise allows.",
        ),
        escalate="Call the database owner at once; the engineering lead after ten minutes.",
    ),
    requirements=("A-P0-DB-DOWN",),
)
DATABASE_SLOW = postgres_rule(
    id="DatabaseSlow",
    severity=Severity.P1,
    alert_group="database-latency",
    scrape_class=HIGH,
    value=lambda p: quantile(p, 0.95, platform.db_seconds.bucket(), by="service"),
    threshold=0.5,
    unit=Unit.SECONDS,
    condition=lambda p: enough(p, platform.db_seconds.count(), 50, by="service"),
    for_seconds=60,
    why="Fifty operations make the quantile honest; a minute lets a checkpoint pass.",
    summary="One database operation in twenty of {{ $labels.service }} takes over {value}; "
    "the threshold is {threshold}.",
    description="95th percentile of database operations over {5m}, seen by the client.",
    runbook=Runbook(
        meaning="Requests wait for the database; connections pile up next.",
        check=(
            "List the longest running statements in pg_stat_activity, and who waits for a lock.",
            "See whether the disk is busy and whether the buffer cache still hits.",
            "See whether a new query or a lost index came with the last deployment.",
        ),
        fix=(
            "Cancel the statement that blocks the others.",
            "Create the index, or run ANALYZE on the table.",
            "Move reports to the replica.",
        ),
        escalate="Call the database owner after fifteen minutes.",
    ),
    requirements=("A-P1-DB-SLOW",),
)


def _connections(_: EvaluationProfile) -> str:
    server = (
        f"sum by (instance) ({postgres.connections})"
        f" / max by (instance) ({postgres.max_connections})"
    )
    used = platform.db_connections.where('db_client_connection_state="used"')
    pool = "service, db_client_connection_pool_name"
    return f"{server} or sum by ({pool}) ({used}) / sum by ({pool}) ({platform.db_connections_max})"


CONNECTIONS_HIGH = postgres_rule(
    id="DatabaseConnectionsHigh",
    severity=Severity.P1,
    alert_group="database-connections",
    scrape_class=HIGH,
    value=_connections,
    threshold=0.8,
    unit=Unit.RATIO,
    for_seconds=60,
    why="A deployment briefly doubles the pools; a minute later only a leak or a jam is left.",
    summary="{value} of the database connections are taken; the threshold is {threshold}.",
    description="Connections of the server, or of one client pool, against their maximum.",
    runbook=Runbook(
        meaning="The next clients will be refused, or wait for a connection.",
        check=(
            "Count connections by application and state in pg_stat_activity.",
            "Look for many that are idle in transaction: a client forgot to end it.",
            "See whether statements got slower just before.",
        ),
        fix=(
            "End idle transactions that are older than a few minutes.",
            "Restart the client that leaks.",
            "Lower the pools, or put a pooler in between, before raising the maximum.",
        ),
        escalate="Call the database owner at 90 per cent.",
    ),
    requirements=("A-P1-DB-CONN",),
)
LONG_TRANSACTION = postgres_rule(
    id="DatabaseTransactionLong",
    severity=Severity.P2,
    alert_group="database-transactions",
    value=lambda _: f"max by (instance, datname) ({postgres.longest_transaction})",
    threshold=900,
    unit=Unit.SECONDS,
    for_seconds=120,
    keep_firing_seconds=180,
    why="Quarter of an hour is longer than any request; reports belong on the replica.",
    summary=(
        "A transaction in {{ $labels.datname }} has been open for {value}; threshold {threshold}."
    ),
    description="While it is open, old rows cannot be cleaned up and its locks stay.",
    runbook=Runbook(
        meaning="Tables bloat, and whoever needs its locks waits.",
        check=("Find its client and statement in pg_stat_activity.",),
        fix=("Ask its owner, then cancel it with pg_cancel_backend.",),
        escalate="Tell the database owner when it belongs to the platform itself.",
    ),
    requirements=("M-PG-LOCKS",),
)
DEADLOCKS = postgres_rule(
    id="DatabaseDeadlocks",
    severity=Severity.P2,
    alert_group="database-locks",
    value=gained(postgres.deadlocks, by="instance, datname", seconds=600, scrape_class=STANDARD),
    threshold=5,
    keep_firing_seconds=300,
    why="The count over ten minutes is itself the hold; a few deadlocks solve themselves by retry.",
    summary=(
        "{value} deadlocks in {{ $labels.datname }} within {10m}; the threshold is {threshold}."
    ),
    description="Transactions block each other in a circle, and the server ends one of them.",
    runbook=Runbook(
        meaning="Some writes fail and are tried again; throughput falls.",
        check=("Read the server's log: it names both statements.",),
        fix=("Take locks in one order everywhere.", "Shorten the transactions involved."),
        escalate="Tell the team whose statements are named.",
    ),
    requirements=("M-PG-LOCKS",),
)
DATABASE_ALERTS = declared(AlertRule, globals())
