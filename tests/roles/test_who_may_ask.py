"""Everything that `up` listens on, with real programs: nobody gets in without what it asks for."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest
import pytest_asyncio

from dexwatch.daemons.program import Program
from dexwatch.demo.profile import DEMO
from dexwatch.roles.evaluation import Evaluation
from dexwatch.roles.programs import programs
from dexwatch.roles.resources import alertmanager_client, prometheus_client
from dexwatch.roles.up import up
from dexwatch.settings import Settings, load
from tests.fakes.foreign_page import attacker, server
from tests.fakes.need import free_port, program
from tests.fakes.patience import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

BINARIES = ("prometheus", "prometheus-alertmanager", "promtool", "amtool", "openssl")
EXPORTERS = ("node", "blackbox", "postgres", "redis", "nginx")
QUICK = Evaluation(profile=DEMO)
"""Looks every second."""


@dataclass
class Installation:
    """A running installation: its settings, what it runs, and every port that it listens on."""

    settings: Settings
    programs: tuple[Program, ...]
    ports: dict[str, int]
    others: frozenset[int]
    """Processes that other tests have left running beside it for their own use."""


def children() -> frozenset[int]:
    return frozenset(each.pid for each in psutil.Process().children(recursive=True))


def document(folder: Path) -> dict[str, Any]:
    ports = {name: {"port": free_port()} for name in ("prometheus", "alertmanager", "supervisor")}
    return {
        "name": "access",
        "folder": str(folder / "state"),
        "watch": {"port": free_port()},
        "respond": {"port": free_port(), "hook_token": "h" * 32},
        "console": {"port": free_port(), "users_file": str(folder / "users.json")},
        "daemons": {
            **ports,
            "node": {"port": free_port()},
            "blackbox": {"port": free_port()},
            "postgres": {
                "port": free_port(),
                "targets": [{"name": "platform", "dsn": "postgresql://a@127.0.0.1:1/x"}],
            },
            "redis": {
                "port": free_port(),
                "targets": [{"name": "cache", "url": "redis://127.0.0.1:1"}],
            },
            "nginx": {"targets": [{"name": "edge", "status_url": "http://127.0.0.1:1/s"}]},
        },
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    for name in (*BINARIES, *(f"prometheus-{each}-exporter" for each in EXPORTERS)):
        program(name)
    folder = tmp_path_factory.mktemp("access")
    file = folder / "dexwatch.yml"
    file.write_bytes(orjson.dumps(document(folder)))
    (folder / "users.json").write_text("{}")
    settings, stop, others = load(file), asyncio.Event(), children()
    task = asyncio.create_task(up(settings, file, stop=stop, evaluation=QUICK))
    planned = programs(settings, file, QUICK)
    ports = {port.setting: port.number for each in planned for port in each.ports}
    ports["daemons.supervisor.port"] = settings.daemons.supervisor.port

    async def ready() -> bool:
        if task.done():
            task.result()
        async with prometheus_client(settings) as client:
            targets = await client.targets() if await client.ready() else ()
        return bool(targets) and all(target.health == "up" for target in targets if ours(target))

    def ours(target: Any) -> bool:
        return target.job not in {"nginx", "probe"}

    try:
        await until(ready, seconds=90, why="Prometheus reads everything of ours")
        yield Installation(settings, planned, ports, others)
    finally:
        stop.set()
        await task


async def test_every_port_of_the_plan_is_listened_on_and_no_other(running: Installation) -> None:
    ours = children() - running.others
    listening = [each for each in psutil.net_connections("tcp") if each.status == "LISTEN"]
    planned = set(running.ports.values())
    assert planned <= {each.laddr.port for each in listening}
    assert {each.laddr.port for each in listening if each.pid in ours} <= planned
    names = {each.name.partition("-exporter")[0] for each in running.programs}
    assert {*EXPORTERS, "watch", "respond", "console"} <= names


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic ZGV4d2F0Y2g6d3Jvbmc="},
        {"authorization": "Bearer wrong"},
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
    ],
)
async def test_nothing_is_read_or_changed_without_what_is_asked_for(
    running: Installation, headers: dict[str, str]
) -> None:
    asked = [
        *((method, path) for path in ("/", "/metrics", "/-/ready") for method in ("GET", "HEAD")),
        ("GET", "/api/v1/query?query=up"),
        ("GET", "/api/v2/alerts"),
        ("GET", "/api/v1/alerts"),
        ("OPTIONS", "/api/v2/silences"),
        ("POST", "/api/v2/silences"),
        ("POST", "/api/v2/alerts"),
        ("POST", "/-/reload"),
        ("POST", "/-/quit"),
        ("GET", "/probe?module=http&target=http://127.0.0.1/"),
        ("GET", "/scrape?target=redis://127.0.0.1:1"),
        ("GET", "/debug/pprof/heap"),
        ("POST", "/hooks/alertmanager"),
        ("GET", "/programs/nginx-exporter-edge/metrics"),
        ("GET", "/boards/overview"),
        ("GET", "/stream"),
    ]
    async with httpx.AsyncClient(timeout=10) as client:
        for setting, port in running.ports.items():
            for method, path in asked:
                where = (setting, method, path)
                if setting == "daemons.redis.port":
                    with pytest.raises((ssl.SSLError, httpx.HTTPError)):
                        await _over_tls(port, method, path)
                    continue
                answer = await client.request(
                    method, f"http://127.0.0.1:{port}{path}", headers=headers
                )
                if "host" in headers and setting in OWN:
                    assert answer.status_code == 421, where
                elif answer.status_code == 303:
                    assert setting == "console.port", where
                    assert answer.headers["location"].startswith("/sign-in"), where
                else:
                    assert answer.status_code in {401, 403, 404, 405}, where
                    assert answer.status_code == 401 or setting in OWN, where


OWN = {"watch.port", "respond.port", "console.port", "daemons.supervisor.port"}


async def _over_tls(port: int, method: str, path: str) -> None:
    """As a stranger asks who trusts anybody and has no certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with httpx.AsyncClient(verify=context) as client:
        await client.request(method, f"https://127.0.0.1:{port}{path}")


async def test_our_clients_show_it_and_are_answered(running: Installation) -> None:
    async with (
        prometheus_client(running.settings) as prometheus,
        alertmanager_client(running.settings) as alertmanager,
    ):
        assert (await prometheus.query("1"))[0].value == 1
        assert (await alertmanager.status()).cluster == "disabled"
        await until(lambda: _knows_alertmanager(prometheus), why="alerts reach Alertmanager")
        scraped = lambda: prometheus.query("dexwatch_console_streams")  # noqa: E731
        await until(scraped, seconds=45, why="the console's metrics are read")


async def _knows_alertmanager(prometheus: Any) -> bool:
    found = await prometheus.query("prometheus_notifications_alertmanagers_discovered")
    lost = await prometheus.query("prometheus_notifications_errors_total > 0")
    return bool(found) and found[0].value == 1 and not lost


async def test_idle_connections_of_strangers_keep_our_clients_out_of_no_daemon(
    running: Installation,
) -> None:
    daemons = running.settings.daemons
    held = []
    try:
        for port in (daemons.prometheus.port, daemons.alertmanager.port):
            for _ in range(500):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET / HTTP/1.1\r\nHost: a")
                held.append(writer)
        async with (
            prometheus_client(running.settings) as prometheus,
            alertmanager_client(running.settings) as alertmanager,
        ):
            assert (await prometheus.query("1"))[0].value == 1
            assert (await alertmanager.status()).cluster == "disabled"
    finally:
        for writer in held:
            writer.close()


async def test_no_secret_stands_in_arguments_or_in_a_file_of_others(running: Installation) -> None:
    state = running.settings.folder
    secret = (state / "secrets" / "password").read_text()
    assert len(secret) >= 32
    for file in state.rglob("*"):
        if file.is_file() and not file.is_symlink() and secret.encode() in file.read_bytes():
            assert file.stat().st_mode & 0o077 == 0, file
    for process in psutil.Process().children(recursive=True):
        # One that ends meanwhile shows nothing to anybody.
        with contextlib.suppress(psutil.NoSuchProcess):
            assert secret not in " ".join(process.cmdline()), process.name()
            assert secret not in str(process.environ()), process.name()


@pytest.mark.browser
async def test_a_page_of_another_origin_can_do_nothing(running: Installation) -> None:
    daemons = running.settings.daemons
    silence = orjson.dumps(
        {
            "matchers": [{"name": "alertname", "value": ".+", "isRegex": True, "isEqual": True}],
            "startsAt": "2020-01-01T00:00:00Z",
            "endsAt": "2100-01-01T00:00:00Z",
            "createdBy": "ana",
            "comment": "forged",
        }
    ).decode()
    alert = '[{"labels":{"alertname":"Forged","severity":"P0"}}]'
    attempts = [
        (f"{daemons.alertmanager_url}/api/v2/alerts", "GET", None),
        (f"{daemons.alertmanager_url}/api/v2/silences", "POST", silence),
        (f"{daemons.alertmanager_url}/api/v2/alerts", "POST", alert),
        (f"{daemons.alertmanager_url}/-/reload", "POST", None),
        (f"{daemons.prometheus_url}/api/v1/query?query=up", "GET", None),
        (f"{daemons.prometheus_url}/-/reload", "POST", None),
        (f"http://127.0.0.1:{daemons.blackbox.port}/probe?module=http&target=a", "GET", None),
        (f"http://127.0.0.1:{running.settings.respond.port}/hooks/alertmanager", "POST", alert),
        (f"http://127.0.0.1:{running.settings.watch.port}/metrics", "GET", None),
    ]
    async with attacker() as page:
        with server() as (refuses_nothing, posted):
            assert 200 in await page.ask(refuses_nothing, "POST", alert)
            assert posted == [alert], "where nobody refuses it, the page gets in"
        for url, method, body in attempts:
            statuses = await page.ask(url, method, body)
            assert len(statuses) > 1, url
            assert min(statuses) >= 400, (url, method, statuses)
    async with alertmanager_client(running.settings) as alertmanager:
        assert await alertmanager.silences() == ()
        assert "Forged" not in {each.name for each in await alertmanager.alerts()}
