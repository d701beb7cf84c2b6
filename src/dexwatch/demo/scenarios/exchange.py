"""Scenarios that break the exchange, its servers or its host."""

from dexwatch.demo.exchange.cache import clear, fill_queue
from dexwatch.demo.exchange.handle import Exchange
from dexwatch.demo.exchange.process import InjectedFaults
from dexwatch.demo.exchange.programs import API_NAMES
from dexwatch.demo.scenarios.scenario import Fault, Scenario, ScenarioContext, assign

ERRORS = ("ErrorRateNoticeable", "ErrorRateDegraded", "ErrorRateElevated", "ErrorRateHigh")
SLOW = ("ApiLatencyAboveBaseline", "LatencyDegraded")
COLD = ("CacheHitRateLow", "CacheMissRateRising")
BACKLOG = 1_600
CONNECTION_SHARE = 0.88


def _exchange(context: ScenarioContext) -> Exchange:
    if context.exchange is None:
        raise TypeError("this scenario needs the exchange: start the sample with it")
    return context.exchange


def _faults(**fields: float) -> Fault:
    async def fault(context: ScenarioContext, active: bool) -> None:
        usual = {name: getattr(InjectedFaults(), name) for name in fields}
        _exchange(context).faults.change(**(fields if active else usual))

    return fault


def _down(*names: str) -> Fault:
    async def fault(context: ScenarioContext, active: bool) -> None:
        exchange = _exchange(context)
        await (exchange.take_down if active else exchange.bring_back)(*names)

    return fault


def _load(**shares: float) -> Fault:
    async def fault(context: ScenarioContext, active: bool) -> None:
        # Only the sample host's metrics change; the real machine is left alone.
        assign(_exchange(context).host.load, shares, active=active)

    return fault


def _attack(name: str) -> Fault:
    async def fault(context: ScenarioContext, active: bool) -> None:
        traffic = _exchange(context).traffic
        (traffic.start_attack if active else traffic.stop_attack)(name)

    return fault


async def _held_connections(context: ScenarioContext, active: bool) -> None:
    holder = _exchange(context).connection_holder
    await (holder.fill(CONNECTION_SHARE) if active else holder.release())


async def _backlog(context: ScenarioContext, active: bool) -> None:
    exchange = _exchange(context)
    exchange.faults.change(reports_stuck=active)
    if active:
        await fill_queue(exchange.config.redis_url, "reports", BACKLOG)
    else:
        await clear(exchange.config.redis_url, "reports")


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="api-slow",
        title="The API answers slowly",
        story="Every request to the API takes one and a half seconds longer.",
        raises=(*SLOW, "ApiLatencyHigh"),
        fault=_faults(api_delay_seconds=1.5),
    ),
    Scenario(
        name="api-errors",
        title="The API fails now and then",
        story="A quarter of the requests to the API end in a server error.",
        raises=ERRORS,
        fault=_faults(api_error_share=0.25),
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
        fault=_down(*API_NAMES),
    ),
    Scenario(
        name="db-slow",
        title="The database is slow",
        story="Every statement to PostgreSQL takes 0.8 seconds longer.",
        raises=("DatabaseSlow", *SLOW, "ApiLatencyHigh"),
        fault=_faults(db_delay_seconds=0.8),
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
        fault=_down("postgres"),
    ),
    Scenario(
        name="db-connections",
        title="Database connections run out",
        story="A client holds most of the connections that PostgreSQL allows.",
        raises=("DatabaseConnectionsHigh",),
        fault=_held_connections,
    ),
    Scenario(
        name="redis-down",
        title="Redis is gone",
        story="Redis has been stopped; orders cannot be queued and nothing is cached.",
        raises=("RedisDown", "SystemAvailabilityLow", *ERRORS),
        # Redis comes back empty, and the first look-ups find nothing.
        also=COLD,
        fault=_down("redis"),
    ),
    Scenario(
        name="cache-cold",
        title="The cache no longer hits",
        story="Look-ups in the cache find nothing, so every read goes to database and chain.",
        raises=COLD,
        fault=_faults(cache_cold=True),
    ),
    Scenario(
        name="lb-upstream-down",
        title="One of two upstreams is gone",
        story="One API process has ended; the load balancer serves through the other.",
        raises=("LoadBalancerUpstreamDown", "TargetDown"),
        fault=_down(API_NAMES[1]),
    ),
    Scenario(
        name="lb-down",
        title="The load balancer is gone",
        story="nginx has been stopped; nobody reaches the platform.",
        raises=("LoadBalancerDown", "ApiUptimeLow", "SystemAvailabilityLow"),
        fault=_down("nginx"),
    ),
    Scenario(
        name="queue-backlog",
        title="Jobs pile up",
        story="The worker no longer takes reports from their queue, and 1600 of them wait.",
        raises=("QueueDepthHigh",),
        fault=_backlog,
    ),
    Scenario(
        name="cpu-hot",
        title="A host's processors are busy",
        story="The sample host reports 96 per cent of processor use.",
        raises=("CpuHigh", "CpuUse80", "CpuUse70", "CpuUse60"),
        fault=_load(cpu=0.96),
    ),
    Scenario(
        name="memory-full",
        title="A host's memory is full",
        story="The sample host reports 94 per cent of its memory in use.",
        raises=("MemoryCritical", "MemoryHigh", "MemoryUse80", "MemoryUse75", "MemoryUse60"),
        fault=_load(memory=0.94),
    ),
    Scenario(
        name="disk-full",
        title="A host's disk is full",
        story="The sample host reports its data volume 95 per cent full.",
        raises=("DiskAlmostFull", "DiskUse80", "DiskUse75", "DiskUse60"),
        fault=_load(disk=0.95),
    ),
    Scenario(
        name="registration-broken",
        title="Nobody can register",
        story="The check of new users' addresses refuses everybody.",
        raises=("RegistrationsFailing",),
        fault=_faults(registration_broken=True),
    ),
    Scenario(
        name="payment-broken",
        title="Payments fail",
        story="The payment provider refuses every deposit and withdrawal.",
        raises=("PaymentsFailing",),
        fault=_faults(payment_broken=True),
    ),
    Scenario(
        name="sync-delay",
        title="Balances lie behind the chain",
        story="The synchronisation of balances is ten minutes behind the chain.",
        raises=("DataSyncDelayed",),
        fault=_faults(sync_lag_seconds=600.0),
    ),
    Scenario(
        name="brute-force",
        title="Somebody guesses passwords",
        story="One address tries passwords for one account after the other.",
        raises=("AuthFailureRateHigh", "SuspiciousIpActivity"),
        fault=_attack("brute-force"),
    ),
    Scenario(
        name="rate-limit-abuse",
        title="Somebody asks far too often",
        story="One address asks for quotes forty times a second, whatever it is told.",
        raises=("RateLimitAbuse",),
        fault=_attack("flood"),
    ),
    Scenario(
        name="forbidden-access",
        title="Users ask for what they may not see",
        story="Signed-in users ask for the administrators' page three times a second.",
        raises=("UnauthorizedAccess",),
        fault=_attack("forbidden-access"),
    ),
)
