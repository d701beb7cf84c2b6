"""Redis as a server, and the cache as the platform feels it."""

from functools import partial

from dexwatch.metrics import platform, redis
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import enough, gained, latest, per_minute, seen_down
from dexwatch.metrics.scrape_class import CRITICAL, HIGH, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

redis_rule = partial(AlertRule, component=Component.CACHE)
redis_state = partial(state_rule, component=Component.CACHE)

LOOKUPS = str(platform.cache_requests)

REDIS_DOWN = redis_state(
    id="RedisDown",
    severity=Severity.P0,
    alert_group="redis",
    inhibits="availability",
    scrape_class=CRITICAL,
    keep_firing_seconds=180,
    value=lambda p: seen_down(p, str(redis.up)),
    why=(
        "Two failed scrapes of the exporter are proof, and the second costs five seconds; a restart"
        " of a second is seen once. Keeping it firing bridges lost scrapes."
    ),
    summary="Redis behind {{ $labels.instance }} does not answer.",
    description="The exporter cannot connect: cache, sessions and the job queue stand still.",
    runbook=Runbook(
        meaning="Sessions are lost or slow, background jobs stop, the database takes all reads.",
        check=(
            "See whether the process runs, and whether the kernel killed it for memory.",
            "See whether its disk is full: a failed snapshot stops writes.",
        ),
        fix=(
            "Start it; wait until the data set is loaded.",
            "Promote the replica if loading takes too long.",
            "Raise the API's protection against the database being flooded.",
        ),
        escalate="Call the database owner at once; the engineering lead after ten minutes.",
    ),
    requirements=("A-P0-REDIS-DOWN",),
)
HIT_RATE_LOW = redis_rule(
    id="CacheHitRateLow",
    severity=Severity.P1,
    team="platform",
    alert_group="cache-hits",
    group_priority=2,
    scrape_class=HIGH,
    value=lambda _: f"1 - {recorded.cache_misses}",
    operator="<",
    threshold=0.8,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, LOOKUPS, 50, by="cache"),
    for_seconds=120,
    why="A restart warms up within the window; two minutes more and it is not warming up.",
    summary=(
        "Only {value} of the look-ups in {{ $labels.cache }} hit; the threshold is {threshold}."
    ),
    description="Share of look-ups over {5m} that found their key.",
    runbook=Runbook(
        meaning="Reads fall through to the database, which gets slower for everybody.",
        check=(
            "See whether keys are evicted for want of memory.",
            "See whether a deployment changed key names or lifetimes.",
            "See whether somebody asks for random keys on purpose.",
        ),
        fix=(
            "Give Redis more memory, or cache less.",
            "Roll back the change of keys.",
            "Limit the client that sweeps through keys.",
        ),
        escalate="Call the database owner when database time rises too.",
    ),
    requirements=("A-P1-CACHE",),
)
MISSES_RISING = redis_rule(
    id="CacheMissRateRising",
    severity=Severity.P2,
    team="platform",
    alert_group="cache-hits",
    scrape_class=HIGH,
    value=lambda p: (
        f"{recorded.cache_misses} / clamp_min(avg_over_time({recorded.cache_misses}"
        f"[{p.window(21_600, HIGH)}] offset {p.window(600, HIGH)}), 0.01)"
    ),
    threshold=2,
    unit=Unit.MULTIPLE,
    condition=lambda p: f"and {recorded.cache_misses} > 0.1\n{enough(p, LOOKUPS, 50, by='cache')}",
    for_seconds=120,
    why="Six hours are the usual; under ten per cent of misses a doubling harms nobody.",
    summary=("{{ $labels.cache }} misses {value} as often as usual; the threshold is {threshold}."),
    description="Miss rate over {5m} against its average of the last {6h}.",
    runbook=HIT_RATE_LOW.runbook,
    requirements=("A-P2-CACHE",),
)
MEMORY_HIGH = redis_rule(
    id="RedisMemoryHigh",
    severity=Severity.P1,
    alert_group="redis-memory",
    value=lambda _: f"{redis.memory_used} / ({redis.memory_max} > 0)",
    threshold=0.9,
    unit=Unit.RATIO,
    for_seconds=300,
    keep_firing_seconds=180,
    why="Redis frees expired keys in waves; five minutes are longer than a wave.",
    summary=(
        "Redis at {{ $labels.instance }} uses {value} of its memory; the threshold is {threshold}."
    ),
    description="Used memory against maxmemory; without maxmemory this rule says nothing.",
    runbook=Runbook(
        meaning="At the limit it evicts keys or refuses writes, as its policy says.",
        check=("See which keys grew (redis-cli --bigkeys).", "See whether keys have lifetimes."),
        fix=("Give lifetimes to what lacks them.", "Raise maxmemory if the host has it."),
        escalate="Call the database owner when writes are refused.",
    ),
    requirements=("M-REDIS-MEM",),
)
REJECTING = redis_rule(
    id="RedisRejectingConnections",
    severity=Severity.P1,
    alert_group="redis-connections",
    value=gained(redis.rejected_connections, by="instance", seconds=300, scrape_class=STANDARD),
    keep_firing_seconds=180,
    why="Each refused connection is a failed request; the window itself is the hold.",
    summary="Redis at {{ $labels.instance }} refused {value} connections in {5m}.",
    description="The limit of clients is reached.",
    runbook=Runbook(
        meaning="Some processes cannot reach Redis at all.",
        check=("Count clients by address (CLIENT LIST).", "Look for a client that leaks them."),
        fix=("Restart the client that leaks.", "Raise maxclients."),
        escalate="Call the database owner.",
    ),
    requirements=("M-REDIS-CONN",),
)
EVICTING = redis_rule(
    id="RedisEvictingKeys",
    severity=Severity.P2,
    alert_group="redis-memory",
    value=lambda p: per_minute(
        p, str(redis.evicted), by="instance, service, host", scrape_class=STANDARD
    ),
    threshold=100,
    unit=Unit.PER_MINUTE,
    for_seconds=300,
    keep_firing_seconds=180,
    why="A cache may evict now and then; five minutes of it mean that it is too small.",
    summary="Redis at {{ $labels.instance }} evicts keys, {value}; the threshold is {threshold}.",
    description="Keys are thrown out before their time for want of memory.",
    runbook=MEMORY_HIGH.runbook,
    requirements=("M-REDIS-KEYS",),
)
PERSISTENCE_FAILING = redis_state(
    id="RedisPersistenceFailing",
    severity=Severity.P1,
    alert_group="redis-persistence",
    value=lambda p: (
        f"{latest(p, str(redis.rdb_ok), scrape_class=STANDARD)}"
        f" * {latest(p, str(redis.aof_ok), scrape_class=STANDARD)}"
    ),
    for_seconds=120,
    keep_firing_seconds=300,
    why="A failed snapshot is tried again within a minute; the second failure is a fault.",
    summary="Redis at {{ $labels.instance }} could not write its data to disk.",
    description="The last snapshot, or the last write to the append-only file, failed.",
    runbook=Runbook(
        meaning="A restart now loses data; with the usual settings writes are refused already.",
        check=("See whether its disk is full.", "See whether fork failed for want of memory."),
        fix=("Free disk or memory, then run BGSAVE and look at its result.",),
        escalate="Call the database owner.",
    ),
    requirements=("M-REDIS-PERSIST",),
)
METRICS_INCOMPLETE = redis_rule(
    id="RedisMetricsIncomplete",
    severity=Severity.P2,
    alert_group="redis-metrics",
    # Not what was last seen: the reason is a label, so that each has a series, which ends with it.
    value=lambda _: f"max by (instance) ({redis.last_scrape_error})",
    unit=Unit.BOOLEAN,
    condition=lambda p: (
        "and on (instance) "
        f"min by (instance) ({latest(p, str(redis.up), scrape_class=STANDARD)}) == 1"
    ),
    for_seconds=120,
    why=(
        "A restart of the server fails one reading; two minutes are a command that cannot succeed."
        " While the server is down all of them fail, and RedisDown says so."
    ),
    summary="The exporter of {{ $labels.instance }} answers, but a part of its reading fails.",
    description="Some metrics of Redis are missing, and rules on them say nothing.",
    runbook=Runbook(
        meaning="Silence of the rules on Redis does not mean health.",
        check=(
            "Read the label err of redis_exporter_last_scrape_error: it says what failed.",
            "See whether the monitoring user may still run INFO, CONFIG GET and SLOWLOG.",
        ),
        fix=("Give the monitoring user these commands (ACL SETUSER).",),
        escalate="Tell the database owner within the day.",
    ),
    requirements=("C-DB-EXP", "C-REDIS"),
)

CACHE_ALERTS = declared(AlertRule, globals())
