"""How each component is right now, as one glance wants it: which part is ill?

A component's state comes from two sides: what Prometheus measures of it (`expression`: 1 is up,
0 is down), and the worst open alert whose `component` label names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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
from dexwatch.metrics.component import Component


@dataclass(frozen=True)
class ComponentHealth:
    """What to ask of one component; `link` leads to the section that shows it."""

    component: Component
    expression: str
    """1 while it works, 0 while it does not, empty while nothing is known."""
    link: str

    @property
    def id(self) -> str:
        """The component's id."""
        return self.component.value

    @property
    def title(self) -> str:
        """The component's name on pages."""
        return self.component.words


API_PROBES = probes.success.where('class="api"')
BALANCER_PROBES = probes.success.where('class="lb"')


def _reports(metric: object) -> str:
    """A part whose metrics come is there; whether it is well, its alerts say."""
    return f"clamp_max(count({metric}), 1)"


COMPONENTS: tuple[ComponentHealth, ...] = (
    ComponentHealth(Component.API, f"min({API_PROBES})", "/#availability"),
    ComponentHealth(Component.TRADING, _reports(platform.trades), "/boards/trading"),
    ComponentHealth(Component.CHAIN, f"max({chain.endpoint_up})", "/boards/blockchain"),
    ComponentHealth(
        Component.CONTRACTS, f"1 - max({exchange.contract_paused})", "/boards/blockchain#contracts"
    ),
    ComponentHealth(Component.DATABASE, f"min({postgres.up})", "/boards/infrastructure#postgresql"),
    ComponentHealth(Component.CACHE, f"min({redis.up})", "/boards/infrastructure#redis"),
    ComponentHealth(
        Component.LOAD_BALANCER,
        f"min({nginx.up}) or min({BALANCER_PROBES})",
        "/boards/infrastructure#load-balancer",
    ),
    ComponentHealth(
        Component.JOBS, _reports(platform.queue_depth), "/boards/trading#the-systems-behind-it"
    ),
    ComponentHealth(Component.USERS, _reports(platform.auth_attempts), "/#business-impact"),
    ComponentHealth(Component.HOSTS, _reports(host.memory_total), "/boards/infrastructure#compute"),
    ComponentHealth(Component.MONITORING, _reports(prometheus.up), "/targets"),
)
"""In the order in which they are shown."""
_BY_ID = {one.id: one for one in COMPONENTS}


def component_of(labels: Mapping[str, str]) -> ComponentHealth | None:
    """Return the component that the alert's label names; None when it names none of ours."""
    return _BY_ID.get(labels.get("component", ""))
