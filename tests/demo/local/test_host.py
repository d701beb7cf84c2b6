"""The sample host reads like node_exporter, and its figures hang together."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dexwatch.demo.local.host import PROCESSORS, Load, SampleHost
from dexwatch.metrics.host import HOST_METRICS


def read(host: SampleHost) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(host.render())
        for sample in family.samples
    }


def busy_share(before, after) -> float:
    spent = {
        key: after[key] - before.get(key, 0) for key in after if key[0] == "node_cpu_seconds_total"
    }
    idle = sum(value for key, value in spent.items() if "mode=idle" in key)
    return 1 - idle / sum(spent.values())


@pytest.fixture
def host(monkeypatch):
    moment = [1_000.0]
    monkeypatch.setattr("dexwatch.demo.local.host.time.monotonic", lambda: moment[0])
    sample = SampleHost(0, lambda: 8.0)
    sample.advance = lambda seconds: moment.__setitem__(0, moment[0] + seconds)
    return sample


def test_shows_every_declared_host_metric_with_its_labels(host):
    shown = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(host.render())
        for sample in family.samples
    }
    assert shown == {metric.name: set(metric.labels) for metric in HOST_METRICS}


def test_processors_spend_exactly_the_time_that_passes(host):
    before = read(host)
    host.advance(60)
    after = read(host)
    spent = sum(after[key] - before[key] for key in after if key[0] == "node_cpu_seconds_total")
    assert spent == pytest.approx(60 * PROCESSORS)
    assert 0.1 < busy_share(before, after) < 0.6


def test_a_hot_processor_shows_in_use_and_load(host):
    host.render()
    host.load = Load(cpu=0.96)
    before = read(host)
    host.advance(60)
    after = read(host)
    assert busy_share(before, after) > 0.9
    assert after["node_load1",] > 3


def test_counters_never_fall(host):
    before = read(host)
    for load in (Load(cpu=0.99), Load(), Load(memory=0.95, disk=0.97)):
        host.load = load
        host.advance(5)
        after = read(host)
        falling = [k for k in after if k[0].endswith("_total") and after[k] < before[k]]
        assert falling == []
        before = after


def test_memory_and_disk_faults_leave_the_rest_alone(host):
    usual = read(host)
    host.load = Load(memory=0.94, disk=0.95)
    broken = read(host)
    total = usual["node_memory_MemTotal_bytes",]
    assert broken["node_memory_MemAvailable_bytes",] == pytest.approx(0.06 * total)
    root = ("node_filesystem_avail_bytes", "device=/dev/vda1", "fstype=ext4", "mountpoint=/")
    assert broken[root] == usual[root]


async def test_is_served_over_http():
    async with SampleHost(0, lambda: 1.0) as host, httpx.AsyncClient() as client:
        page = await client.get(f"{host.url}/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "node_cpu_seconds_total" in page.text
