"""The components of the platform, as one glance wants them: which part is ill?

A component's state comes from two sides: what Prometheus measures of it right now (`expression`:
1 is up, 0 is down), and the worst open alert that is about one of its `subjects`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dexwatch.dashboards.board import Expression
from dexwatch.dashboards.promql import text
from dexwatch.metrics import (
    chain,
    exchange,
    host,
    nginx,
    platform,
    postgres,
    probes,
    prometheus,
    redis,
)


@dataclass(frozen=True)
class Component:
    """One part of the platform; `link` leads to the section that shows it."""

    id: str
    title: str
    expression: Expression
    """1 while it works, 0 while it does not, empty while nothing is known."""
    words: tuple[str, ...]
    """An alert belongs to the first component that has one of these in its subject or name."""
    link: str


API_PROBES = probes.success.where('class="api"')
BALANCER_PROBES = probes.success.where('class="lb"')

COMPONENTS: tuple[Component, ...] = (
    Component(
        "database",
        "Database",
        text(f"min({postgres.up})"),
        ("database", "postgres"),
        "/boards/infrastructure#postgresql",
    ),
    Component(
        "cache",
        "Cache",
        text(f"min({redis.up})"),
        ("redis", "cache"),
        "/boards/infrastructure#redis",
    ),
    Component(
        "balancer",
        "Load balancer",
        text(f"min({nginx.up}) or min({BALANCER_PROBES})"),
        ("load-balancer", "loadbalancer", "lb", "upstream"),
        "/boards/infrastructure#load-balancer",
    ),
    Component(
        "chain",
        "Chain",
        text(f"max({chain.endpoint_up})"),
        (
            "chain",
            "node",
            "block",
            "final",
            "gas",
            "confirm",
            "reorg",
            "endpoint",
            "peers",
        ),
        "/boards/blockchain",
    ),
    Component(
        "contracts",
        "Contracts",
        text(f"1 - max({exchange.contract_paused})"),
        ("contract",),
        "/boards/blockchain#contracts",
    ),
    Component(
        "trading",
        "Trading",
        text(f"clamp_max(count({platform.trades}), 1)"),
        ("trad", "volume", "price", "swap", "transaction", "mev", "market"),
        "/boards/trading",
    ),
    Component(
        "users",
        "Users and security",
        text(f"clamp_max(count({platform.auth_attempts}), 1)"),
        ("auth", "regist", "payment", "suspicious", "unauthor", "ip", "rate-limit", "ratelimit"),
        "/#business-impact",
    ),
    Component(
        "jobs",
        "Jobs and data",
        text(f"clamp_max(count({platform.queue_depth}), 1)"),
        ("queue", "job", "sync"),
        "/boards/trading#the-systems-behind-it",
    ),
    Component(
        "hosts",
        "Hosts",
        text(f"clamp_max(count({host.memory_total}), 1)"),
        ("cpu", "memory", "disk", "host", "network", "clock", "filesystem"),
        "/boards/infrastructure#compute",
    ),
    Component(
        "api",
        "API",
        text(f"min({API_PROBES})"),
        ("api", "latency", "error", "uptime", "availab", "http"),
        "/#availability",
    ),
    Component(
        "monitoring",
        "Monitoring",
        text(f"clamp_max(count({prometheus.up}), 1)"),
        ("",),
        "/targets",
    ),
)
"""In the order in which they claim alerts: the more special words come first."""

ORDER = (
    "api",
    "trading",
    "chain",
    "contracts",
    "database",
    "cache",
    "balancer",
    "jobs",
    "users",
    "hosts",
    "monitoring",
)
"""In the order in which they are shown."""


def component_of(labels: Mapping[str, str]) -> Component:
    """Return the component that such an alert is about; the last one takes the rest."""
    said = f"{labels.get('subject', '')} {labels.get('alertname', '')}".lower()
    return next(
        component for component in COMPONENTS if any(word in said for word in component.words)
    )
