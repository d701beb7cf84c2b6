"""What several rules and panels would otherwise compute again and again."""

from functools import partial

from dexwatch.metrics import day_sums, exchange, host, nginx, platform, postgres, probes, redis
from dexwatch.metrics.day_sums import DaySum
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import by_clause, latest, quantile, share, total
from dexwatch.metrics.scrape_class import BUSINESS, CRITICAL, HIGH, STANDARD
from dexwatch.rules.rule import RecordingRule

AVAILABLE = host.filesystem_available.where(host.REAL_FILESYSTEMS)
SIZE = host.filesystem_size.where(host.REAL_FILESYSTEMS)

_TVL_DAY = f"(sum by (pool) (avg_over_time({exchange.tvl_usd}[1d])) > 0)"
"""Against the mean of a day a pool that is empty for a moment does not look busy."""

service_rule = partial(RecordingRule, labels=("service",), scrape_class=HIGH)
pool_day_rule = partial(RecordingRule, labels=("pool",), scrape_class=BUSINESS)

http_rate = service_rule(
    name="service:http_requests:rate",
    help="Requests per second by service.",
    unit=Unit.PER_SECOND,
    value=lambda p: total(p, platform.http_seconds.count(), by="service"),
)
http_errors = service_rule(
    name="service:http_errors:ratio",
    help="Share of requests that the service answered with 5xx.",
    unit=Unit.RATIO,
    value=lambda p: share(
        p,
        platform.http_seconds.count('http_response_status_code=~"5.."'),
        platform.http_seconds.count(),
        by="service",
    ),
)


def _http_p95(profile: EvaluationProfile) -> str:
    """Without a request there is no latency; NaN in a baseline would make all of it NaN."""
    asked = total(profile, platform.http_seconds.count(), by="service")
    p95 = quantile(profile, 0.95, platform.http_seconds.bucket(), by="service")
    return f"{p95} and on (service) {asked} > 0"


http_p95 = service_rule(
    name="service:http_latency_p95:seconds",
    help="95th percentile of the time to answer, by service.",
    unit=Unit.SECONDS,
    value=_http_p95,
)
trades_unserved = RecordingRule(
    name="platform:trades_unserved:ratio",
    help="Share of trades that the platform or the chain failed; refused orders do not count.",
    unit=Unit.RATIO,
    scrape_class=CRITICAL,
    value=lambda p: share(
        p,
        platform.trades.where('outcome=~"reverted|error"'),
        platform.trades.where('outcome=~"success|reverted|error"'),
        scrape_class=CRITICAL,
    ),
)
cache_misses = RecordingRule(
    name="cache:misses:ratio",
    help="Share of cache look-ups that found nothing, by cache.",
    unit=Unit.RATIO,
    labels=("cache",),
    scrape_class=HIGH,
    value=lambda p: share(
        p,
        platform.cache_requests.where('result="miss"'),
        platform.cache_requests.where(),
        by="cache",
    ),
)
cpu_used = RecordingRule(
    name="host:cpu_used:ratio",
    help="Share of all processors' time that was not idle, by host.",
    unit=Unit.RATIO,
    labels=("host", "alerting"),
    value=lambda p: f"1 - avg by (host, alerting) (rate({host.IDLE}[{p.window(300, STANDARD)}]))",
)
memory_used = RecordingRule(
    name="host:memory_used:ratio",
    help="Share of memory that no program could take any more, by host.",
    unit=Unit.RATIO,
    labels=("host", "alerting"),
    value=lambda _: (
        f"1 - max by (host, alerting) ({host.memory_available})"
        f" / max by (host, alerting) ({host.memory_total})"
    ),
)
disk_used = RecordingRule(
    name="host:disk_used:ratio",
    help="Share of a file system that is full, by host and mount point.",
    unit=Unit.RATIO,
    labels=("host", "alerting", "mountpoint"),
    value=lambda _: (
        f"1 - max by (host, alerting, mountpoint) ({AVAILABLE})"
        f" / max by (host, alerting, mountpoint) ({SIZE})"
    ),
)


def _essential(profile: EvaluationProfile) -> str:
    probes_up = latest(profile, probes.success.where('class=~"api|lb"'))
    others = (latest(profile, str(metric)) for metric in (postgres.up, redis.up, nginx.up))
    return f"min({' or '.join((probes_up, *others))})"


system_up = RecordingRule(
    name="platform:up:min",
    help="1 while API, load balancer, database and cache are all reachable.",
    unit=Unit.BOOLEAN,
    scrape_class=CRITICAL,
    value=_essential,
)
volume_rate = RecordingRule(
    name="dex:volume_usd:rate",
    help="Traded USD per second over all pools.",
    unit=Unit.USD,
    scrape_class=HIGH,
    value=lambda p: total(p, str(exchange.volume_usd), seconds=900),
)
swap_rate = RecordingRule(
    name="dex:swaps:rate",
    help="Swaps per second over all pools.",
    unit=Unit.PER_SECOND,
    scrape_class=HIGH,
    value=lambda p: total(p, str(exchange.swaps), seconds=900),
)


def _day_rule(day: DaySum, what: str) -> RecordingRule:
    # A day is a day in every profile: these sums are figures for people, not for alerts.
    return RecordingRule(
        name=day.name,
        help=f"{what} of the last 24 hours.",
        unit=day.counter.unit,
        labels=day.by,
        scrape_class=BUSINESS,
        value=lambda _: f"sum{by_clause(day.by)}(increase({day.counter}[1d]))",
    )


volume_day = _day_rule(day_sums.volume_usd, "Traded USD, by pool,")
fees_day = _day_rule(day_sums.fees_usd, "Fees that traders paid, by pool,")
revenue_day = _day_rule(day_sums.revenue_usd, "The platform's revenue")
reorgs_day = _day_rule(day_sums.reorgs, "Reorganisations, by depth,")
contract_changes_day = _day_rule(day_sums.contract_changes, "Administrative events of contracts")
pool_utilisation = pool_day_rule(
    name="dex:pool_utilisation:ratio1d",
    help="Volume of the last 24 hours over the mean TVL of these hours.",
    unit=Unit.RATIO,
    value=lambda _: f"sum by (pool) (increase({exchange.volume_usd}[1d])) / {_TVL_DAY}",
)
fee_apr = pool_day_rule(
    name="dex:fee_apr:ratio1d",
    help="Yearly return of liquidity providers at the fees of the last 24 hours, simple.",
    unit=Unit.RATIO,
    value=lambda _: f"sum by (pool) (increase({exchange.lp_fees_usd}[1d])) * 365 / {_TVL_DAY}",
)
fee_apy = pool_day_rule(
    name="dex:fee_apy:ratio1d",
    help="The same when the fees are put back every day: (1 + APR / 365) ^ 365 - 1.",
    unit=Unit.RATIO,
    # Beyond 1,000 a yearly figure means nothing and the power overflows.
    value=lambda _: f"(1 + clamp_max({fee_apr}, 1000) / 365) ^ 365 - 1",
)

RECORDING_RULES = declared(RecordingRule, globals())
