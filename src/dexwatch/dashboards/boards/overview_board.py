"""System Overview: are we all right, and if not, where?"""

from functools import partial

from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Query, Section, Threshold
from dexwatch.dashboards.queries import (
    average_over,
    mean,
    one,
    or_none,
    quantile,
    quantiles,
    success,
)
from dexwatch.dashboards.sections.host_panels import CPU, DISK, MEMORY, NETWORK
from dexwatch.dashboards.sections.market_panels import POOL_EMPTY, TRADE_SUCCESS
from dexwatch.dashboards.sections.store_panels import OPERATIONS_EMPTY
from dexwatch.metrics import (
    business,
    day_sums,
    nginx,
    platform,
    postgres,
    probes,
    prometheus,
    redis,
)
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION, duration
from dexwatch.metrics.scrape_class import CRITICAL

API_EMPTY = "The platform's API reports nothing; check daemons.targets and Targets."
USERS_EMPTY = "The platform's database gave no value; check database.queries and its collector."
PROBE_EMPTY = "No probe watches the API: add one of class api to daemons.probes."
ALL_REQUESTS = platform.http_seconds.count()
REFUSED_REQUESTS = platform.http_seconds.count('http_response_status_code=~"[45].."')
ACTIVE_NOW = business.active_users.where('window="5m"')
# An exporter that answers does not mean that its server does.
SERVERS_UP = f"{postgres.up} or {redis.up} or {nginx.up}"
# As the rule SystemAvailabilityLow counts it: 1 while all of them are up at the same time.
ENTRANCES_UP = probes.success.where('class=~"api|lb"')
ALL_UP = f"min({ENTRANCES_UP} or {SERVERS_UP})"
# Prometheus would look as often as it evaluates rules, and miss what is down between two looks.
LOOK = duration(PRODUCTION.scrape_ms(CRITICAL))
FAILED_REQUESTS = platform.http_seconds.count('http_response_status_code=~"5.."')

WAITS = (
    Threshold(0.5, Level.WARNING, "users notice the wait"),
    Threshold(1, Level.CRITICAL, "users leave"),
)

stat = partial(Panel, kind=PanelKind.STAT, width=3)

AVAILABILITY = (
    stat(
        "api-uptime",
        "API uptime",
        one(average_over(probes.success.where('class="api"'), seconds=3600, scrape_class=CRITICAL)),
        Unit.RATIO,
        "99.9% or more within the last hour.",
        ("A-P0-API-UPTIME",),
        empty=PROBE_EMPTY,
        source=sources.PROBES,
        thresholds=(
            Threshold(0.999, Level.WARNING, "users have met an error", below=True),
            Threshold(0.99, Level.CRITICAL, "the API is down for many", below=True),
        ),
        decimals=2,
    ),
    stat(
        "availability",
        "System availability",
        one(lambda w: f"avg_over_time(({ALL_UP})[{w.window(3600, CRITICAL)}:{LOOK}])"),
        Unit.RATIO,
        "API, load balancer, database and cache up together for 99.9% of the last hour or more.",
        ("A-P0-AVAIL-999",),
        empty=PROBE_EMPTY,
        source=sources.PROBES,
        thresholds=(Threshold(0.999, Level.CRITICAL, "below what we promise", below=True),),
        decimals=2,
    ),
    stat(
        "error-share",
        "Requests that fail",
        one(
            lambda w: (
                f"(sum(rate({FAILED_REQUESTS}[{w.window(300, CRITICAL)}])) or vector(0))"
                f" / (sum(rate({ALL_REQUESTS}[{w.window(300, CRITICAL)}])) > 0)"
            )
        ),
        Unit.RATIO,
        "Below 1%.",
        ("M-HTTP-ERR", "A-P1-ERR-2", "A-P1-ERR-5"),
        empty=API_EMPTY,
        thresholds=(
            Threshold(0.01, Level.INFO, "more than usual"),
            Threshold(0.02, Level.WARNING, "users notice"),
            Threshold(0.05, Level.CRITICAL, "many users are turned away"),
        ),
        decimals=2,
    ),
    stat(
        "response",
        "Average response",
        one(mean(platform.http_seconds)),
        Unit.SECONDS,
        "Below 200 ms.",
        ("M-HTTP-LATENCY",),
        empty=API_EMPTY,
        thresholds=WAITS,
    ),
    Panel(
        "services",
        "Services",
        (
            Query(f"min by (job) ({SERVERS_UP} or {prometheus.up})", "{{job}}"),
            Query(f"min by (instance) ({probes.success})", "{{instance}}"),
        ),
        Unit.BOOLEAN,
        "All up.",
        ("D-HEALTH", "C-BLACKBOX-EXP"),
        kind=PanelKind.STATUS,
        empty="Nothing is scraped; check daemons.targets.",
        width=12,
        limit=30,
    ),
    Panel(
        "errors",
        "Failed requests by status",
        one(
            or_none(
                lambda w: (
                    "sum by (http_response_status_code) (rate("
                    f"{REFUSED_REQUESTS}"
                    f"[{w.window(60, CRITICAL)}])) * 60"
                ),
                lambda w: f"rate({ALL_REQUESTS}[{w.window(60, CRITICAL)}])",
                "http_response_status_code",
            ),
            "{{http_response_status_code}}",
        ),
        Unit.PER_MINUTE,
        "Few, and none that begins with 5.",
        ("M-HTTP-ERR",),
        empty=API_EMPTY,
        width=6,
        stacked=True,
    ),
    Panel(
        "latency",
        "Response time",
        quantiles(platform.http_seconds, 0.5, 0.95, 0.99, seconds=60),
        Unit.SECONDS,
        "95 of 100 requests below 500 ms.",
        ("M-HTTP-LATENCY", "A-P1-LAT-500MS", "A-P1-LAT-1S"),
        empty=API_EMPTY,
        thresholds=WAITS,
        width=6,
    ),
)

PERFORMANCE = (
    Panel(
        "requests",
        "Requests per minute",
        one(
            lambda w: f"sum by (http_route) (rate({ALL_REQUESTS}[{w.window(60, CRITICAL)}])) * 60",
            "{{http_route}}",
        ),
        Unit.PER_MINUTE,
        "Follows the users' day; a sudden fall is worse than a rise.",
        ("M-HTTP-COUNT",),
        empty=API_EMPTY,
        stacked=True,
        limit=6,
    ),
    Panel(
        "database",
        "Database, 95 of 100 queries",
        one(
            quantile(0.95, platform.db_seconds, by=("db_operation_name",), seconds=60),
            "{{db_operation_name}}",
        ),
        Unit.SECONDS,
        "Below 100 ms.",
        ("M-PG-QUERY", "A-P1-DB-SLOW"),
        empty=OPERATIONS_EMPTY,
        thresholds=(Threshold(0.5, Level.CRITICAL, "queries are slow for everybody"),),
        limit=5,
    ),
    Panel(
        "cache",
        "Cache hits",
        one(
            success(platform.cache_requests, 'result="hit"', by=("cache",), seconds=60), "{{cache}}"
        ),
        Unit.RATIO,
        "Above 80%.",
        ("M-APP-CACHE", "A-P1-CACHE"),
        empty="The platform does not report its cache; check what its API exposes and Targets.",
        thresholds=(
            Threshold(0.8, Level.WARNING, "the database does the cache's work", below=True),
        ),
        floor=None,
    ),
)

IMPACT = (
    stat(
        "active-users",
        "Active users, 5 min",
        one(f"max({ACTIVE_NOW})"),
        Unit.COUNT,
        "Follows the day.",
        ("M-USER-ACTIVE",),
        empty=USERS_EMPTY,
    ),
    stat(
        "volume",
        "Volume, 24 h",
        one(f"sum({day_sums.volume_usd})"),
        Unit.USD,
        "At least half of yesterday's.",
        ("M-TRADE-VOLUME", "A-P1-VOLUME"),
        empty=POOL_EMPTY,
    ),
    TRADE_SUCCESS,
    stat(
        "revenue",
        "Revenue, 24 h",
        one(f"sum({day_sums.revenue_usd})"),
        Unit.USD,
        "Follows the volume.",
        ("M-REVENUE",),
        empty=USERS_EMPTY,
    ),
)

OVERVIEW = Board(
    "overview",
    "System Overview",
    "Are we all right, and if not, where?",
    30,
    (
        Section("Availability", AVAILABILITY),
        Section("Business impact", IMPACT),
        Section("Performance", PERFORMANCE),
        Section("Resources", (CPU, MEMORY, DISK, NETWORK)),
    ),
    "D-OVERVIEW",
)
