"""The metrics of others that rules and boards name are what Debian's binaries really expose.

PostgreSQL, Redis and nginx are asked with the exporters' own tests.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.programs.alertmanager import Webhook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.profile import DEMO
from dexwatch.metrics import host, probes, prometheus
from dexwatch.metrics.host import HOST_METRICS
from dexwatch.metrics.metric import TARGET_LABELS, Metric
from dexwatch.metrics.probes import PROBE_METRICS
from dexwatch.metrics.prometheus import PROMETHEUS_METRICS
from dexwatch.roles.http.exposition import serve
from dexwatch.rules.registry import render
from tests.fakes import need
from tests.fakes.patience import until
from tests.fakes.stack import SECRETS

BLACKBOX, NODE = "prometheus-blackbox-exporter", "prometheus-node-exporter"
ONLY_IN_THE_BINARY = {
    # Shown only for a server with a certificate that the machine trusts.
    probes.certificate_expiry: (BLACKBOX, "probe_ssl_earliest_cert_expiry"),
    # Echo requests need a right that a test may lack.
    probes.icmp_seconds: (BLACKBOX, "probe_icmp_duration_seconds"),
    # The kernel's module is not loaded everywhere; the exporter joins the name of two parts.
    host.conntrack_entries: (NODE, "nf_conntrack_entries"),
    host.conntrack_limit: (NODE, "nf_conntrack_entries_limit"),
}
BINARIES = ("node-exporter", "blackbox-exporter", "alertmanager")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory) -> AsyncIterator[PrometheusClient]:
    for name in BINARIES:
        need.program(f"prometheus-{name}")
    need.program("prometheus")
    folder = tmp_path_factory.mktemp("foreign")
    async with Supervisor(folder) as supervisor, serve(lambda: (), 0) as port:
        config = DaemonsConfig.model_validate(
            {
                **{
                    name: {"port": need.free_port()}
                    for name in ("prometheus", "alertmanager", "node", "blackbox")
                },
                "probes": [
                    {
                        "name": "self",
                        "kind": "http",
                        "target": f"http://localhost:{port}/healthz",
                        "scrape_class": "critical",
                    }
                ],
            }
        )
        programs = plan(
            config,
            folder=folder,
            profile=DEMO,
            rules=render(DEMO),
            roles=(),
            webhook=Webhook("http://127.0.0.1:1/", SecretStr("x")),
            secrets=SECRETS,
        )
        await supervisor.start(programs)
        async with PrometheusClient(config.prometheus_url, access=SECRETS.access) as asked:
            yield asked


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("metrics", [HOST_METRICS, PROBE_METRICS, PROMETHEUS_METRICS])
async def test_declared_metrics_exist_with_their_labels(client, metrics):
    expected = {metric for metric in metrics if metric not in ONLY_IN_THE_BINARY}

    async def absent() -> set[Metric]:
        # An instant query sees what is there now, by name.
        names = {one.name for one in await client.query('count by (__name__) ({__name__!=""})')}
        return {metric for metric in expected if metric.name not in names}

    async def complete() -> bool:
        return not await absent()

    try:
        await until(complete, seconds=25)
    except AssertionError:
        pytest.fail(f"not exposed: {sorted(metric.name for metric in await absent())}")
    for metric in expected:
        (series, *_) = await client.query(metric.name)
        found = set(series.labels) - TARGET_LABELS - {"__name__"}
        if metric is prometheus.alerts:
            # What an alert is about is a label only of those alerts that are about it, and which
            # of them this machine raises is its own affair.
            assert set(metric.labels) - {"mountpoint"} <= found <= set(metric.labels)
            continue
        assert found == set(metric.labels), metric.name


@pytest.mark.parametrize("metric", sorted(ONLY_IN_THE_BINARY, key=str), ids=str)
def test_what_cannot_be_provoked_here_is_known_to_the_binary(metric):
    program, text = ONLY_IN_THE_BINARY[metric]
    assert text.encode() in Path(need.program(program)).read_bytes()
