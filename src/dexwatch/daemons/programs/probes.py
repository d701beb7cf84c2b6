"""What `dexwatch doctor` tries of the daemons, and of what they are to look at."""

from collections.abc import Iterator
from functools import partial

from dexwatch.clients.access import Access
from dexwatch.clients.probing import Probe, http_answers, installed, port_open, secret_port_open
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters import EXPORTERS
from dexwatch.daemons.programs.exporter_config import ProbeConfig


def probes(config: DaemonsConfig) -> Iterator[Probe]:
    """Yield what is to be tried."""
    yield from _external(config) if config.mode == "external" else _embedded(config)
    for exporter in EXPORTERS:
        yield from exporter.probes(config)
    for target in config.targets:
        url = f"{target.scheme}://{target.address}{target.path}"
        asked = partial(http_answers, url, Access(token=target.token))
        # Several targets may share a job; the address tells them apart.
        subject = f"{target.job} {target.address}"
        yield Probe(subject, asked, "Check address, path and token.", area="target")
    if config.deadman.outside_url is not None:
        attempt = partial(secret_port_open, config.deadman.outside_url)
        yield Probe("outside_url", attempt, "Check the address.", area="deadman")
    for probe in config.probes:
        yield Probe(probe.name, partial(_probe, probe), "Check the target.", area="probe")


def _external(config: DaemonsConfig) -> Iterator[Probe]:
    for name, url, access in (
        ("Prometheus", config.prometheus_url, config.prometheus.access),
        ("Alertmanager", config.alertmanager_url, config.alertmanager.access),
    ):
        yield Probe(
            name,
            partial(http_answers, f"{url}/-/ready", access),
            "Start it, or correct its url and what it asks for.",
        )


def _embedded(config: DaemonsConfig) -> Iterator[Probe]:
    wanted = [exporter.package for exporter in EXPORTERS if exporter.wanted(config)]
    for name in ("prometheus", "prometheus-alertmanager", *wanted):
        remedy = f"Install the Debian package {name}, or run `make setup`."
        yield Probe(name, partial(installed, name), remedy)


async def _probe(probe: ProbeConfig) -> str:
    if probe.kind == "http":
        return await http_answers(probe.target)
    if probe.kind in {"rpc", "tcp", "tls"}:
        # An RPC endpoint answers a GET with an error of its own; that it answers is enough here.
        return await port_open(probe.target)
    return "tried by blackbox_exporter only"
