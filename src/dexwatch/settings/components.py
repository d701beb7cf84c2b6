"""Which components report as soon as everything runs, by what is configured."""

from dexwatch.metrics.component import Component
from dexwatch.settings.model import Settings


def expected_components(settings: Settings) -> frozenset[Component]:
    """Return the components whose silence means that we are blind.

    Trading, jobs and users are left out: a platform that has just started has nothing to count
    yet. So are contracts, of which not every one can be paused.
    """
    daemons = settings.daemons
    probed = {probe.probe_class for probe in daemons.all_probes}
    configured = {
        Component.MONITORING: True,
        Component.API: "api" in probed,
        Component.CHAIN: settings.chain is not None,
        Component.DATABASE: bool(daemons.postgres.targets),
        Component.CACHE: bool(daemons.redis.targets),
        Component.LOAD_BALANCER: bool(daemons.nginx.targets) or "lb" in probed,
        Component.HOSTS: daemons.node.enabled,
    }
    return frozenset(component for component, is_there in configured.items() if is_there)
