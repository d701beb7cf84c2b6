"""What a database owner looks after: rollbacks, locks, replicas, backups, the buffer cache."""

from functools import partial

from dexwatch.metrics import postgres
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import enough, gained, latest, latest_of, part_of_both
from dexwatch.metrics.scrape_class import BUSINESS, HIGH, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook

postgres_rule = partial(AlertRule, component=Component.DATABASE)

DATABASES = "instance, datname"


of_databases = partial(part_of_both, by=DATABASES, scrape_class=STANDARD)

ROLLBACKS = postgres_rule(
    id="DatabaseRollbacksMany",
    severity=Severity.P2,
    alert_group="database-rollbacks",
    value=lambda p: of_databases(p, str(postgres.rollbacks), str(postgres.commits)),
    threshold=0.5,
    unit=Unit.RATIO,
    condition=lambda p: enough(
        p, str(postgres.rollbacks), 100, by=DATABASES, scrape_class=STANDARD
    ),
    for_seconds=300,
    keep_firing_seconds=300,
    why="Health checks that only read end in rollback too; half of all, for minutes, is a fault.",
    summary=(
        "{value} of the transactions in {{ $labels.datname }} are rolled back;"
        " threshold {threshold}."
    ),
    description="Share of transactions that end in rollback over {5m}.",
    runbook=Runbook(
        meaning="Clients begin work that they cannot finish.",
        check=("Read the errors in the server's log.", "See which client's errors grew."),
        fix=("Roll back the deployment whose statements fail.",),
        escalate="Tell the owner of the failing client.",
    ),
    requirements=("M-PG-TX",),
)
ARCHIVE_FAILING = postgres_rule(
    id="DatabaseArchiveFailing",
    severity=Severity.P1,
    alert_group="database-backup",
    scrape_class=BUSINESS,
    value=gained(postgres.archive_failures, by="instance", seconds=900, scrape_class=BUSINESS),
    threshold=2,
    keep_firing_seconds=600,
    why="One failure is tried again by itself; the third within a quarter of an hour is not luck.",
    summary=(
        "{value} pieces of the write-ahead log could not be archived; the threshold is {threshold}."
    ),
    description="Backups cannot be brought up to the present, and the log fills the disk.",
    runbook=Runbook(
        meaning="After a loss now, the newest data could not be recovered.",
        check=("Run the archive command manually and read its error.", "See the archive's space."),
        fix=("Repair access to the archive; the server then catches up by itself.",),
        escalate="Call the database owner if the log volume is above 80 per cent.",
    ),
    requirements=("M-PG-BACKUP",),
)
CACHE_LOW = postgres_rule(
    id="DatabaseBufferHitsLow",
    severity=Severity.P2,
    alert_group="database-buffers",
    value=lambda p: of_databases(
        p, str(postgres.blocks_hit), str(postgres.blocks_read), seconds=900
    ),
    operator="<",
    threshold=0.9,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, str(postgres.blocks_read), 10_000, by=DATABASES, seconds=900),
    for_seconds=600,
    keep_firing_seconds=300,
    why="A cold start reads everything once; a quarter of an hour and ten thousand reads are not.",
    summary=(
        "Only {value} of the blocks of {{ $labels.datname }} come from memory;"
        " threshold {threshold}."
    ),
    description="The working set no longer fits into the buffer cache.",
    runbook=Runbook(
        meaning="Statements wait for the disk.",
        check=("See which table is scanned (pg_stat_user_tables).", "See what was deployed."),
        fix=("Add the missing index.", "Raise shared_buffers if memory allows."),
        escalate="Tell the database owner within the day.",
    ),
    requirements=("M-PG-QUERY",),
)

LOCK_WAITS = postgres_rule(
    id="DatabaseLockWaits",
    severity=Severity.P2,
    alert_group="database-lock-waits",
    scrape_class=HIGH,
    value=latest_of(postgres.waiting_for_lock, by="instance", scrape_class=HIGH),
    threshold=5,
    for_seconds=60,
    why="Short waits are how locks work; five sessions for a minute stand behind something stuck.",
    summary=(
        "{value} sessions wait for a lock in {{ $labels.instance }}; the threshold is {threshold}."
    ),
    description="Somebody holds a lock that many need.",
    runbook=Runbook(
        meaning="Requests queue up behind one transaction.",
        check=("Find the holder with pg_blocking_pids().", "See what it waits for itself."),
        fix=("Cancel the holder with pg_cancel_backend.",),
        escalate="Call the database owner if it comes back.",
    ),
    requirements=("M-PG-LOCKS",),
)
REPLICA_LAG = postgres_rule(
    id="DatabaseReplicaLagging",
    severity=Severity.P1,
    alert_group="database-replication",
    scrape_class=HIGH,
    value=latest_of(postgres.replica_lag, by="instance", scrape_class=HIGH),
    threshold=60,
    unit=Unit.SECONDS,
    for_seconds=60,
    why="A bulk load makes a minute of lag; a minute more means that the standby cannot follow.",
    summary="The standby {{ $labels.instance }} is {value} behind; the threshold is {threshold}.",
    description="What was written in that time would be lost with the primary.",
    runbook=Runbook(
        meaning="Reads from the standby are old, and switching over would lose data.",
        check=("See whether its disk or network is the limit.", "See who queries the standby."),
        fix=("End the long query that holds replay back.", "Slow down the bulk load."),
        escalate="Call the database owner at five minutes.",
    ),
    requirements=("M-PG-REPL",),
)
SLOT_UNUSED = postgres_rule(
    id="DatabaseSlotUnused",
    severity=Severity.P2,
    alert_group="database-slots",
    value=latest_of(postgres.inactive_slots, by="instance", scrape_class=STANDARD),
    for_seconds=900,
    keep_firing_seconds=300,
    why="A standby that restarts comes back within a quarter of an hour.",
    summary="{value} replication slots of {{ $labels.instance }} have no reader.",
    description="The primary keeps the log for a reader that does not come, till its disk is full.",
    runbook=Runbook(
        meaning="The log volume grows without end.",
        check=("See in pg_replication_slots whose slot it is.",),
        fix=("Start the reader again.", "Drop the slot if the reader is gone for good."),
        escalate="Call the database owner when the log volume is above 80 per cent.",
    ),
    requirements=("M-PG-REPL",),
)
METRICS_INCOMPLETE = postgres_rule(
    id="DatabaseMetricsIncomplete",
    severity=Severity.P2,
    alert_group="database-metrics",
    value=latest_of(postgres.last_scrape_error, by="instance", scrape_class=STANDARD),
    unit=Unit.BOOLEAN,
    condition=lambda p: (
        "and on (instance) "
        f"min by (instance) ({latest(p, str(postgres.up), scrape_class=STANDARD)}) == 1"
    ),
    for_seconds=120,
    why=(
        "A restart of the server fails one reading; two minutes are a query that cannot succeed."
        " While the server is down all of them fail, and DatabaseDown says so."
    ),
    summary="The exporter of {{ $labels.instance }} answers, but a part of its queries fails.",
    description="Some metrics of the database are missing, and rules on them say nothing.",
    runbook=Runbook(
        meaning="Silence of the database's rules does not mean health.",
        check=(
            "Read logs/postgres_exporter.log in dexwatch's folder: it names the query.",
            "See whether the monitoring user may still read what the query names.",
        ),
        fix=("Grant pg_monitor to the monitoring user.", "Correct the query that fails."),
        escalate="Tell the database owner within the day.",
    ),
    requirements=("C-DB-EXP", "C-POSTGRES"),
)

POSTGRES_ALERTS = declared(AlertRule, globals())
