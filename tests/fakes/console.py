"""A console over a real Prometheus, Alertmanager and SQLite, fed by the metric source."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from argon2 import PasswordHasher

from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.console.access.users import Role
from dexwatch.console.config import ConsoleConfig, SampleControlConfig
from dexwatch.console.rendering import vendor_folders
from dexwatch.console.site import build_site
from dexwatch.demo.profile import DEMO, REFRESH_SPEED
from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.policy import Policy
from dexwatch.response.actions import act
from dexwatch.response.apply import apply_events
from dexwatch.response.ingest import fired, resolved
from dexwatch.response.store import Store
from dexwatch.rules.registry import ALERTS, render
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes import need
from tests.fakes.metric_source import Source, SourceServer, prometheus_config
from tests.fakes.patience import until

PASSWORD = "correct horse"
HOSTILE = "<img src=x onerror=alert(1)>\"'\n&amp;</script>{{7*7}}"


@dataclass
class Console:
    """A running console and what it looks at."""

    url: str
    store: Store
    source: Source
    prometheus: PrometheusClient
    alertmanager: AlertmanagerClient


def web() -> list[Path]:
    """Return where the browser scripts lie, or skip."""
    here = Path(__file__).parents[2] / ".dexwatch" / "web"
    folders = [*vendor_folders(), here]
    if not any((folder / "uPlot.iife.min.js").is_file() for folder in folders):
        need.missing("the browser scripts are not there: run `make setup`")
    return folders


def users(folder: Path) -> Path:
    """Write a users file with the operator Ana and the viewer Cy."""
    file = folder / "users.json"
    # A cheap hash of the same kind: the tests sign in a hundred times.
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    people = [
        {"name": "ana", "role": Role.OPERATOR, "hash": cheap},
        {"name": "cy", "role": Role.VIEWER, "hash": cheap},
    ]
    file.write_text(json.dumps({"users": people}))
    return file


def _alert(name: str, began: datetime, summary: str) -> dict[str, Any]:
    """Return what an event says of an alert of one of our rules."""
    rule = next(rule for rule in ALERTS if rule.id == name)
    return {
        "fingerprint": name,
        "labels": {
            "alertname": name,
            "severity": rule.severity.value,
            "alert_group": rule.alert_group,
            "host": "dex-1",
            "service": "api",
        },
        "annotations": {
            "summary": summary,
            "description": rule.description,
            "runbook_url": f"/runbooks/{name}",
            "query": rule.query(DEMO),
            "unit": rule.unit.value,
            "threshold": f"{rule.threshold:g}",
        },
        "starts_at": began,
        "upstream": "{}:{}",
    }


async def seed(store: Store, *, firing: bool = True) -> None:
    """Fill the store with a past incident, and with an open one where `firing`."""
    now = datetime.now(UTC)
    began = now - timedelta(hours=3)
    slow = "Queries take 812 ms at the 95th percentile, the threshold is 500 ms."
    past = _alert("DatabaseSlow", began, slow)
    applied = await apply_events(store, [fired(**past, suppressed_by=None)], began, policy=Policy())
    await act(
        store,
        Acknowledged(applied[0].incident_id or "", "bo", "seed", "A report without an index."),
        began + timedelta(minutes=2),
    )
    ended = began + timedelta(minutes=14)
    await apply_events(store, [resolved(**past, ends_at=ended)], ended, policy=Policy())
    if firing:
        begins = now - timedelta(minutes=1)
        words = "95 of 100 answers take up to 1.9 s, the threshold is 1 s."
        current = _alert("ApiLatencyHigh", begins, words)
        await apply_events(
            store,
            [fired(**current, suppressed_by=None)],
            begins,
            policy=Policy(),
        )


@asynccontextmanager
async def console(
    folder: Path, *, trouble: str = "", port: int = 0, control: SampleControlConfig | None = None
) -> AsyncIterator[Console]:
    """Run everything; the folder is emptied by whoever gave it."""
    port = port or need.free_port()
    async with AsyncExitStack() as exits:
        source = Source(trouble)
        server = SourceServer(source)
        exits.callback(server.close)
        prometheus_port = exits.enter_context(_daemons(folder, server.port))
        alertmanager = await exits.enter_async_context(
            AlertmanagerClient(f"http://127.0.0.1:{prometheus_port + 1}")
        )
        prometheus = await exits.enter_async_context(
            PrometheusClient(f"http://127.0.0.1:{prometheus_port}")
        )
        store = await open_store(f"sqlite+aiosqlite:///{folder / 'dexwatch.sqlite'}")
        exits.push_async_callback(store.close)
        await seed(store, firing=bool(trouble))
        url = f"http://127.0.0.1:{port}"
        site = build_site(
            ConsoleConfig(
                port=port, public_url=url, users_file=users(folder), sample_control=control
            ),
            store=store,
            sessions=SqlSessionStore(store.database),
            prometheus=prometheus,
            alertmanager=alertmanager,
            alert_rules=ALERTS,
            profile=DEMO,
            refresh_speed=REFRESH_SPEED,
            platform="sample-dex",
            vendor=web(),
        )
        await exits.enter_async_context(serving(site, port))

        async def scraped() -> bool:
            if not await prometheus.ready():
                return False
            return bool(await prometheus.query("bsc_head_block"))

        await until(scraped, why="Prometheus has scraped the source")
        yield Console(url, store, source, prometheus, alertmanager)


@asynccontextmanager
async def serving(site: object, port: int) -> AsyncIterator[None]:
    """Serve an application on loopback by uvicorn."""
    server = uvicorn.Server(
        uvicorn.Config(
            site,  # type: ignore[arg-type]
            host="127.0.0.1",
            port=port,
            log_level="warning",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started, why="the console listens")
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _daemons(folder: Path, source_port: int):
    from contextlib import contextmanager

    prometheus, alertmanager = need.program("prometheus"), need.program("prometheus-alertmanager")

    @contextmanager
    def running():
        port = need.free_port()
        rules = folder / "rules.yml"
        rules.write_text(render(DEMO))
        config = folder / "prometheus.yml"
        config.write_text(
            json.dumps(
                prometheus_config(source_port, str(rules), alertmanager=f"127.0.0.1:{port + 1}")
            )
        )
        routes = folder / "alertmanager.yml"
        routes.write_text(
            json.dumps({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]})
        )
        commands = [
            [
                prometheus,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            [
                alertmanager,
                f"--config.file={routes}",
                f"--storage.path={folder / 'silences'}",
                f"--web.listen-address=127.0.0.1:{port + 1}",
                "--cluster.listen-address=",
            ],
        ]
        log = (folder / "daemons.log").open("wb")
        children = [
            subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)  # noqa: PLW1509
            for command in commands
        ]
        try:
            yield port
        finally:
            for child in children:
                child.terminate()
            for child in children:
                child.wait(20)
            log.close()

    return running()


def _die_with_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, 9)


async def _main(folder: Path, port: int, trouble: str) -> None:
    async with console(folder, port=port, trouble=trouble) as running:
        sys.stdout.write(f"{running.url} ana / {PASSWORD}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2]), "".join(sys.argv[3:4])))
