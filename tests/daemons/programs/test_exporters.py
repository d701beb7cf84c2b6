"""The exporters' real binaries, against a real PostgreSQL, Redis and nginx of our own."""

import asyncio
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters.postgres import postgres_dsn
from dexwatch.daemons.exporters.postgres_queries import QUERIES
from dexwatch.daemons.exporters.redis import redis_address
from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.ports import request
from dexwatch.daemons.program import File, HttpReady, Port, Program, SocketReady, TcpReady
from dexwatch.daemons.programs.alertmanager import Webhook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.programs.secrets import kept
from dexwatch.daemons.reaper import tree
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.profile import DEMO
from dexwatch.metrics.nginx import NGINX_METRICS
from dexwatch.metrics.postgres import POSTGRES_METRICS
from dexwatch.metrics.redis import REDIS_METRICS
from tests.fakes.need import free_port, program
from tests.fakes.patience import gone, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
NGINX = """
daemon off; pid nginx.pid; worker_processes 2; error_log stderr;
events {{}}
http {{ access_log off; server {{ listen 127.0.0.1:{port};
  location /stub_status {{ stub_status; }} location / {{ return 200 "ok"; }} }} }}
"""


def postgres(folder: Path, port: int) -> Program:
    """A new PostgreSQL with pg_stat_statements, as user postgres where we are root."""
    initdb = program("initdb", *BINARIES)
    user = "postgres" if os.geteuid() == 0 else None
    folder.mkdir()
    command = [initdb, "-D", str(folder / "data"), "-U", "dex", "-A", "trust", "-N"]
    if user:
        shutil.chown(folder, user)
        command = ["runuser", "-u", user, "--", *command]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=60)
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "shared_preload_libraries": "pg_stat_statements",
        "fsync": "off",
    }
    return Program(
        "postgres",
        (
            program("postgres", *BINARIES),
            *("-D", str(folder / "data")),
            *(word for key, value in options.items() for word in ("-c", f"{key}={value}")),
        ),
        cwd=folder,
        user=user,
        ports=(Port("postgres", port),),
        ready=SocketReady(folder / f".s.PGSQL.{port}"),
        stop_signal=signal.SIGINT,
    )


def nginx(folder: Path, port: int) -> Program:
    return Program(
        "nginx",
        (program("nginx", Path("/usr/sbin")), "-p", ".", "-c", "nginx.conf"),
        folder=folder,
        files=(File("nginx.conf", NGINX.format(port=port)),),
        ports=(Port("nginx", port),),
        ready=TcpReady(port),
        stop_signal=signal.SIGQUIT,
    )


def redis(port: int) -> Program:
    return Program(
        "redis",
        (program("redis-server"), *f"--port {port} --requirepass geheim --save".split(), ""),
        ports=(Port("redis", port),),
        ready=TcpReady(port),
    )


class Ground:
    """The servers and their exporters."""

    def __init__(self, folder: Path, supervisor: Supervisor) -> None:
        self.folder = folder
        self.supervisor = supervisor
        self.servers = {name: free_port() for name in ("postgres", "redis", "nginx")}
        self.exporters = {name: free_port() for name in ("postgres", "redis", "blackbox")}
        dsn = f"postgresql+psycopg://dex@127.0.0.1:{self.servers['postgres']}/postgres"
        url = f"redis://:geheim@127.0.0.1:{self.servers['redis']}"
        status = f"http://127.0.0.1:{self.servers['nginx']}/stub_status"
        self.redis_address = redis_address(url)[0]
        self.config = DaemonsConfig.model_validate(
            {
                "node": {"enabled": False},
                "blackbox": {"port": self.exporters["blackbox"]},
                "probes": [{"name": "edge", "kind": "http", "target": status}],
                "postgres": {
                    "port": self.exporters["postgres"],
                    "targets": [{"name": "platform", "dsn": dsn}],
                },
                "redis": {
                    "port": self.exporters["redis"],
                    "targets": [{"name": "cache", "url": url}],
                },
                "nginx": {"targets": [{"name": "edge", "status_url": status}]},
            }
        )
        self.secrets = kept(self.config, folder=folder)

    def programs(self) -> list[Program]:
        """The exporters only."""
        planned = plan(
            self.config,
            folder=self.folder,
            profile=DEMO,
            rules="groups: []",
            roles=(),
            webhook=Webhook("http://127.0.0.1:1/", SecretStr("x")),
            secrets=self.secrets,
        )
        return [each for each in planned if "exporter" in each.name]

    async def figures(self, name: str, path: str = "/metrics") -> dict[str, float]:
        """Series to value, as the exporter gives them now."""
        answer = await self.ask(name, path)
        answer.raise_for_status()
        lines = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", answer.text, re.MULTILINE)
        return {series: float(value) for series, value in lines}

    async def ask(self, name: str, path: str) -> httpx.Response:
        """Ask an exporter as Prometheus, or the supervisor for it, does."""
        if name == "nginx":
            [exporter] = [each for each in self.programs() if each.name == "nginx-exporter-edge"]
            return await request(HttpReady("http://edge/metrics", socket=exporter.metrics))
        trusted = ssl.create_default_context()
        if name == "redis":
            pem = self.folder / "secrets" / "loopback.pem"
            trusted.load_verify_locations(pem)
            trusted.load_cert_chain(pem)
        scheme = "https" if name == "redis" else "http"
        own = {"authorization": self.secrets.access.header}
        async with httpx.AsyncClient(timeout=10, verify=trusted, headers=own) as client:
            return await client.get(f"{scheme}://127.0.0.1:{self.exporters[name]}{path}")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the user postgres may walk into; pytest closes its own to others."""
    with tempfile.TemporaryDirectory(prefix="dexwatch-exporters-", ignore_cleanup_errors=True) as d:
        Path(d).chmod(0o755)
        yield Path(d)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(folder: Path) -> AsyncIterator[Ground]:
    for name in ("postgres", "redis", "nginx", "blackbox"):
        program(f"prometheus-{name}-exporter")
    async with Supervisor(folder) as supervisor:
        ready = Ground(folder, supervisor)
        # The exporters come first: none may need its server in order to start.
        await supervisor.start(ready.programs())
        await supervisor.start(
            [
                postgres(folder / "pg", ready.servers["postgres"]),
                redis(ready.servers["redis"]),
                nginx(folder / "nginx", ready.servers["nginx"]),
            ]
        )
        yield ready


def names(figures: dict[str, float]) -> set[str]:
    return {series.partition("{")[0] for series in figures}


async def test_postgres_gives_all_metrics_that_rules_and_panels_use(ground):
    async def up() -> bool:
        return (await ground.figures("postgres")).get("pg_up") == 1

    await until(up)
    found = await ground.figures("postgres")
    assert {metric.name for metric in POSTGRES_METRICS} <= names(found)
    assert found["pg_exporter_last_scrape_error"] == 0


async def test_our_queries_work_without_and_with_the_statements_extension(ground):
    psql = [program("psql", *BINARIES), "-h", "127.0.0.1", "-U", "dex", "-Atq", "postgres"]
    psql += ["-p", str(ground.servers["postgres"]), "-v", "ON_ERROR_STOP=1", "-c"]

    def ask(sql: str) -> list[str]:
        done = subprocess.run([*psql, sql], check=True, capture_output=True, text=True, timeout=20)
        return done.stdout.strip().split("|")

    assert ask(QUERIES["pg_statements"]["query"]) == ["0", "0", "0", "0"]
    ask("create extension pg_stat_statements")
    calls, seconds, *_ = ask(QUERIES["pg_statements"]["query"])
    assert int(float(calls)) > 0
    assert float(seconds) > 0
    # The role that we tell operators to use is enough.
    ask("create role watcher login in role pg_monitor")
    psql[psql.index("dex")] = "watcher"
    for query in QUERIES.values():
        assert ask(query["query"]) != [""]


async def test_redis_metrics_come_with_a_password_that_is_shown_nowhere(ground):
    found = await ground.figures("redis", f"/scrape?target={ground.redis_address}")
    assert found["redis_up"] == 1
    # Some series only exist once there are keys, commands or a limit.
    assert len({metric.name for metric in REDIS_METRICS} - names(found)) <= 3
    state = ground.supervisor.state("redis-exporter")
    words = await asyncio.to_thread(Path(f"/proc/{state.pid}/cmdline").read_bytes)
    assert b"geheim" not in words


async def nginx_is_told_as_up(ground):
    try:
        return (await ground.figures("nginx")).get("nginx_up") == 1
    except (OSError, httpx.HTTPError):
        return False


async def test_nginx_and_its_exporter_find_each_other_in_any_order(ground):
    await until(lambda: nginx_is_told_as_up(ground))
    assert {metric.name for metric in NGINX_METRICS} <= names(await ground.figures("nginx"))
    await until(
        lambda: ground.supervisor.state("nginx-exporter-edge").state is State.READY, seconds=10
    )


async def test_a_probe_tells_up_from_down(ground):
    path = f"/probe?module=http&target=http://127.0.0.1:{ground.servers['nginx']}/"
    assert (await ground.figures("blackbox", path))["probe_success"] == 1
    nobody = f"/probe?module=tcp&target=127.0.0.1:{free_port()}"
    assert (await ground.figures("blackbox", nobody))["probe_success"] == 0


async def test_a_server_that_stops_is_reported_and_leaves_no_process_behind(ground):
    # Its exporter listens only once it has seen nginx.
    await until(lambda: nginx_is_told_as_up(ground))
    for name in ("postgres", "redis", "nginx"):
        state = ground.supervisor.state(name)
        assert state.pid is not None
        least = {"postgres": 4, "redis": 0, "nginx": 2}[name]
        await until(lambda pid=state.pid, least=least: len(tree(pid, "")) >= least)
        pids = [state.pid, *(pid for pid, _ in tree(state.pid, ""))]
        await ground.supervisor.stop(name)
        assert all(gone(pid) for pid in pids), name
    assert (await ground.figures("postgres"))["pg_up"] == 0
    assert (await ground.figures("nginx"))["nginx_up"] == 0
    path = f"/scrape?target={ground.redis_address}"
    assert (await ground.figures("redis", path))["redis_up"] == 0


async def test_the_dsn_is_written_as_the_exporter_reads_it():
    assert postgres_dsn("postgresql://a@db.example/x") == (
        "postgresql://a@db.example/x?connect_timeout=2"
    )
    assert postgres_dsn("postgresql://a@localhost/x?a=b").endswith(
        "?a=b&sslmode=disable&connect_timeout=2"
    )
    assert postgres_dsn("postgres://a@127.0.0.1/x?sslmode=require").endswith(
        "=require&connect_timeout=2"
    )
    assert postgres_dsn("host=/run/postgresql user=a").endswith("user=a connect_timeout=2")
    for own in ("postgresql://a@db.example/x?connect_timeout=9", "host=/run connect_timeout=9"):
        assert postgres_dsn(own) == own
