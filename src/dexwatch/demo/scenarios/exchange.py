"""Scenarios that break the exchange, its servers or its host."""

from dexwatch.demo.exchange.cache import clear, fill_queue
from dexwatch.demo.exchange.handle import Exchange
from dexwatch.demo.exchange.programs import API_NAMES
from dexwatch.demo.local.host import Load
from dexwatch.demo.scenarios.scenario import Action, Scenario, ScenarioContext

ERRORS = ("ErrorRateNoticeable", "ErrorRateDegraded", "ErrorRateElevated", "ErrorRateHigh")
SLOW = ("ApiLatencyAboveBaseline", "LatencyDegraded")
COLD = ("CacheHitRateLow", "CacheMissRateRising")
BACKLOG = 1_600
CONNECTION_SHARE = 0.88


def _exchange(context: ScenarioContext) -> Exchange:
    exchange = context.exchange
    if not isinstance(exchange, Exchange):
        raise TypeError("this scenario needs the exchange: start the sample with it")
    return exchange


def _faults(**fields: float | bool) -> Action:
    async def action(context: ScenarioContext) -> None:
        _exchange(context).faults.change(**fields)

    return action


def _down(*names: str) -> Action:
    async def action(context: ScenarioContext) -> None:
        await _exchange(context).take_down(*names)

    return action


def _up(*names: str) -> Action:
    async def action(context: ScenarioContext) -> None:
        await _exchange(context).bring_back(*names)

    return action


def _load(
    *, cpu: float | None = None, memory: float | None = None, disk: float | None = None
) -> Action:
    async def action(context: ScenarioContext) -> None:
        # Only the sample host's metrics change; the real machine is left alone.
        _exchange(context).host.load = Load(cpu=cpu, memory=memory, disk=disk)

    return action


def _start_attack(name: str) -> Action:
    async def action(context: ScenarioContext) -> None:
        _exchange(context).traffic.start_attack(name)

    return action


def _stop_attack(name: str) -> Action:
    async def action(context: ScenarioContext) -> None:
        _exchange(context).traffic.stop_attack(name)

    return action


async def _hold_connections(context: ScenarioContext) -> None:
    await _exchange(context).connection_holder.fill(CONNECTION_SHARE)


async def _release_connections(context: ScenarioContext) -> None:
    await _exchange(context).connection_holder.release()


async def _fill_queue(context: ScenarioContext) -> None:
    exchange = _exchange(context)
    exchange.faults.change(reports_stuck=True)
    await fill_queue(exchange.config.redis_url, "reports", BACKLOG)


async def _clear(context: ScenarioContext) -> None:
    exchange = _exchange(context)
    exchange.faults.change(reports_stuck=False)
    await clear(exchange.config.redis_url, "reports")


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="api-slow",
        title="The API answers slowly",
        story="Every request to the API takes one and a half seconds longer.",
        raises=(*SLOW, "ApiLatencyHigh"),
        start=_faults(api_delay_seconds=1.5),
        stop=_faults(api_delay_seconds=0.0),
    ),
    Scenario(
        name="api-errors",
        title="The API fails now and then",
        story="A quarter of the requests to the API end in a server error.",
        raises=ERRORS,
        start=_faults(api_error_share=0.25),
        stop=_faults(api_error_share=0.0),
    ),
    Scenario(
        name="api-down",
        title="The API is gone",
        story="Both API processes behind the load balancer have ended.",
        raises=(
            "ApiUptimeLow",
            "SystemAvailabilityLow",
            "LoadBalancerUpstreamDown",
            "TargetDown",
        ),
        start=_down(*API_NAMES),
        stop=_up(*API_NAMES),
    ),
    Scenario(
        name="db-slow",
        title="The database is slow",
        story="Every statement to PostgreSQL takes 0.8 seconds longer.",
        raises=("DatabaseSlow", *SLOW, "ApiLatencyHigh"),
        start=_faults(db_delay_seconds=0.8),
        stop=_faults(db_delay_seconds=0.0),
    ),
    Scenario(
        name="db-down",
        title="The database is gone",
        story="PostgreSQL has been stopped; everything that needs an account fails.",
        raises=(
            "DatabaseDown",
            "SystemAvailabilityLow",
            "RegistrationsFailing",
            "CollectorFailing",
            *ERRORS,
        ),
        # Balances cannot be written meanwhile; whether that is long enough for an alert depends on
        # how long it was gone.
        also=("DataSyncDelayed",),
        start=_down("postgres"),
        stop=_up("postgres"),
    ),
    Scenario(
        name="db-connections",
        title="Database connections run out",
        story="A client holds most of the connections that PostgreSQL allows.",
        raises=("DatabaseConnectionsHigh",),
        start=_hold_connections,
        stop=_release_connections,
    ),
    Scenario(
        name="redis-down",
        title="Redis is gone",
        story="Redis has been stopped; orders cannot be queued and nothing is cached.",
        raises=("RedisDown", "SystemAvailabilityLow", *ERRORS),
        # Redis comes back empty, and the first look-ups find nothing.
        also=COLD,
        start=_down("redis"),
        stop=_up("redis"),
    ),
    Scenario(
        name="cache-cold",
        title="The cache no longer hits",
        story="Look-ups in the cache find nothing, so every read goes to database and chain.",
        raises=COLD,
        start=_faults(cache_cold=True),
        stop=_faults(cache_cold=False),
    ),
    Scenario(
        name="lb-upstream-down",
        title="One of two upstreams is gone",
        story="One API process has ended; the load balancer serves through the other.",
        raises=("LoadBalancerUpstreamDown", "TargetDown"),
        start=_down(API_NAMES[1]),
        stop=_up(API_NAMES[1]),
    ),
    Scenario(
        name="lb-down",
        title="The load balancer is gone",
        story="nginx has been stopped; nobody reaches the platform.",
        raises=("LoadBalancerDown", "ApiUptimeLow", "SystemAvailabilityLow"),
        start=_down("nginx"),
        stop=_up("nginx"),
    ),
    Scenario(
        name="queue-backlog",
        title="Jobs pile up",
        story="The worker no longer takes reports from their queue, and 1600 of them wait.",
        raises=("QueueDepthHigh",),
        start=_fill_queue,
        stop=_clear,
    ),
    Scenario(
        name="cpu-hot",
        title="A host's processors are busy",
        story="The sample host reports 96 per cent of processor use.",
        raises=("CpuHigh", "CpuUse80", "CpuUse70", "CpuUse60"),
        start=_load(cpu=0.96),
        stop=_load(),
    ),
    Scenario(
        name="memory-full",
        title="A host's memory is full",
        story="The sample host reports 94 per cent of its memory in use.",
        raises=("MemoryCritical", "MemoryHigh", "MemoryUse80", "MemoryUse75", "MemoryUse60"),
        start=_load(memory=0.94),
        stop=_load(),
    ),
    Scenario(
        name="disk-full",
        title="A host's disk is full",
        story="The sample host reports its data volume 95 per cent full.",
        raises=("DiskAlmostFull", "DiskUse80", "DiskUse75", "DiskUse60"),
        start=_load(disk=0.95),
        stop=_load(),
    ),
    Scenario(
        name="registration-broken",
        title="Nobody can register",
        story="The check of new users' addresses refuses everybody.",
        raises=("RegistrationsFailing",),
        start=_faults(registration_broken=True),
        stop=_faults(registration_broken=False),
    ),
    Scenario(
        name="payment-broken",
        title="Payments fail",
        story="The payment provider refuses every deposit and withdrawal.",
        raises=("PaymentsFailing",),
        start=_faults(payment_broken=True),
        stop=_faults(payment_broken=False),
    ),
    Scenario(
        name="sync-delay",
        title="Balances lie behind the chain",
        story="The synchronisation of balances is ten minutes behind the chain.",
        raises=("DataSyncDelayed",),
        start=_faults(sync_lag_seconds=600.0),
        stop=_faults(sync_lag_seconds=0.0),
    ),
    Scenario(
        name="brute-force",
        title="Somebody guesses passwords",
        story="One address tries passwords for one account after the other.",
        raises=("AuthFailureRateHigh", "SuspiciousIpActivity"),
        start=_start_attack("brute-force"),
        stop=_stop_attack("brute-force"),
    ),
    Scenario(
        name="rate-limit-abuse",
        title="Somebody asks far too often",
        story="One address asks for quotes forty times a second, whatever it is told.",
        raises=("RateLimitAbuse",),
        start=_start_attack("flood"),
        stop=_stop_attack("flood"),
    ),
    Scenario(
        name="forbidden-access",
        title="Users ask for what they may not see",
        story="Signed-in users ask for the administrators' page three times a second.",
        raises=("UnauthorizedAccess",),
        start=_start_attack("forbidden-access"),
        stop=_stop_attack("forbidden-access"),
    ),
)
