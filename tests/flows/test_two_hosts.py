"""dexwatch on one host, the operator's own Prometheus and Alertmanager on another.

Two network namespaces, joined by a cable, are the two hosts: each has a loopback of its own, so an
address that was meant for one machine leads nowhere on the other.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dexwatch.response.store import IncidentFilter
from dexwatch.settings import load
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.need import missing, program

pytestmark = [pytest.mark.flow, pytest.mark.timeout(300)]

SECONDS = 90.0
OURS, THEIRS = "10.86.41.1", "10.86.41.2"

CONFIG = f"""
name: two-hosts
respond: {{host: {OURS}, hook_token_file: hook.token}}
watch: {{host: 0.0.0.0, advertise: {OURS}}}
console: {{host: {OURS}}}
daemons:
  mode: external
  prometheus: {{url: "http://{THEIRS}:9090"}}
  alertmanager: {{url: "http://{THEIRS}:9093"}}
  supervisor: {{host: {OURS}}}
  node: {{enabled: false}}
  targets: [{{job: redis, address: "{OURS}:9121", scrape_class: critical}}]
"""


@dataclass
class Host:
    """A network namespace, and what runs in it."""

    name: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *argv: str, log: Path) -> None:
        """Run a program here until the end of the test."""
        self.running.append(
            subprocess.Popen(
                ["ip", "netns", "exec", self.name, *argv],
                stdout=log.open("ab"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )

    def get(self, url: str) -> str:
        """Return what a URL answers here, or nothing."""
        script = "import sys,urllib.request as r;print(r.urlopen(sys.argv[1],timeout=2).read())"
        argv = ["ip", "netns", "exec", self.name, sys.executable, "-c", script, url]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    def end(self) -> None:
        """End everything, the last first."""
        for process in reversed(self.running):
            process.send_signal(signal.SIGINT)
        for process in self.running:
            process.wait(40)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    mark = os.getpid() % 10_000
    ours, theirs = Host(f"dw-ours-{mark}"), Host(f"dw-theirs-{mark}")
    with contextlib.ExitStack() as stack:
        try:
            for host in (ours, theirs):
                ip("netns", "add", host.name)
                stack.callback(ip, "netns", "del", host.name)
                stack.callback(host.end)
            cable = (f"dwo{mark}", f"dwt{mark}")
            ip("link", "add", cable[0], "type", "veth", "peer", "name", cable[1])
            for host, end, address in zip((ours, theirs), cable, (OURS, THEIRS), strict=True):
                ip("link", "set", end, "netns", host.name)
                ip("-n", host.name, "addr", "add", f"{address}/24", "dev", end)
                ip("-n", host.name, "link", "set", end, "up")
                ip("-n", host.name, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            missing(f"network namespaces are not permitted here: {error}")
        yield ours, theirs


def until(seen: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not seen():
        assert time.monotonic() < deadline, what
        time.sleep(0.25)


def export(folder: Path, what: str) -> Path:
    to = folder / what
    argv = [sys.executable, "-m", "dexwatch", "export", what, "-c", str(folder / "dexwatch.yml")]
    subprocess.run([*argv, "--to", str(to)], check=True, capture_output=True)
    return to


def theirs_run(host: Host, folder: Path) -> None:
    """Start the operator's own daemons, by the files that dexwatch exports for them."""
    host.start(
        program("prometheus"),
        f"--config.file={export(folder, 'prometheus') / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={THEIRS}:9090",
        log=folder / "prometheus.log",
    )
    host.start(
        program("prometheus-alertmanager"),
        f"--config.file={export(folder, 'alertmanager') / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address={THEIRS}:9093",
        "--cluster.listen-address=",
        log=folder / "alertmanager.log",
    )


async def test_fault_on_one_host_is_an_incident_on_the_other(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    ours, theirs = hosts
    (tmp_path / "hook.token").write_text("a-long-enough-token-for-two-hosts\n")
    (tmp_path / "dexwatch.yml").write_text(CONFIG)
    (tmp_path / "web").mkdir()
    metrics = tmp_path / "web" / "metrics"
    metrics.write_text("redis_up 1\n")
    settings = load(tmp_path / "dexwatch.yml")

    ours.start(
        sys.executable, "-m", "http.server", "9121", "--bind", OURS, "-d", str(metrics.parent),
        log=tmp_path / "web.log",
    )  # fmt: skip
    ours.start(
        sys.executable, "-m", "dexwatch", "up", "-c", str(tmp_path / "dexwatch.yml"),
        log=tmp_path / "up.log",
    )  # fmt: skip
    theirs_run(theirs, tmp_path)

    def targets() -> str:
        return theirs.get(f"http://{THEIRS}:9090/api/v1/targets?state=active")

    # What they scrape of ours: watch, respond, the supervisor; and the platform's own target.
    def all_up() -> bool:
        seen = targets()
        return seen.count('"health":"up"') >= 6 and '"health":"down"' not in seen

    until(all_up, f"targets are down: {targets()}")
    assert "127.0.0.1" not in targets()

    metrics.write_text("redis_up 0\n")

    store = await open_store(settings.storage.database_url(settings.folder))
    try:
        async with asyncio.timeout(SECONDS):
            while "Redis down" not in await _titles(store):
                await asyncio.sleep(0.25)
    finally:
        await store.close()


async def _titles(store: SqlStore) -> list[str]:
    return [one.title for one in (await store.incidents(IncidentFilter())).incidents]


def test_addresses_that_are_exported_are_those_of_others(tmp_path: Path) -> None:
    (tmp_path / "hook.token").write_text("a-long-enough-token-for-two-hosts\n")
    text = CONFIG.replace("node: {enabled: false}", f"exporters_host: {THEIRS}")
    (tmp_path / "dexwatch.yml").write_text(text)

    prometheus = (export(tmp_path, "prometheus") / "prometheus.yml").read_text()
    alertmanager = (export(tmp_path, "alertmanager") / "alertmanager.yml").read_text()

    assert "127.0.0.1" not in prometheus
    assert f"{THEIRS}:8912" in prometheus, "their own node exporter"
    assert f"{OURS}:8910" in prometheus
    assert f"http://{OURS}:8903/hooks/alertmanager" in alertmanager
