"""Start the whole sample exchange, and hold what scenarios break."""

import asyncio
import contextlib
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dexwatch.daemons.child import Log
from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.program import Program
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.chain.handle import ChainHandle
from dexwatch.demo.config import Ports
from dexwatch.demo.exchange import queries
from dexwatch.demo.exchange.database import (
    ConnectionHolder,
    create_database,
    fill_database,
    postgres,
)
from dexwatch.demo.exchange.process import FaultFile
from dexwatch.demo.exchange.programs import API_NAMES, ExchangeConfig, applications, nginx, redis
from dexwatch.demo.exchange.traffic import Traffic
from dexwatch.demo.local.host import SampleHost
from dexwatch.demo.local.mailbox import Mailbox
from dexwatch.demo.local.slack import SlackFake

SLACK_TOKEN = "xoxb-sample-token"  # noqa: S105 - the local fake's, worth nothing elsewhere.
HOST = "dex-1"
_LOG_BOUND = 2 * 1024 * 1024
_LOG_SECONDS = 20.0


@dataclass
class Exchange:
    """The running exchange; its programs belong to the supervisor that started them."""

    config: ExchangeConfig
    programs: Supervisor
    faults: FaultFile
    traffic: Traffic
    host: SampleHost
    connection_holder: ConnectionHolder
    mailbox: Mailbox
    slack: SlackFake
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    addresses: Mapping[str, str]
    _definitions: Mapping[str, Program]
    _stack: AsyncExitStack

    async def take_down(self, *names: str) -> None:
        """Stop some of the servers; those that are down stay so."""
        running = [name for name in names if self.programs.state(name).state is not State.STOPPED]
        if running:
            await self.programs.stop(*running)

    async def bring_back(self, *names: str) -> None:
        """Start servers that were taken down, and wait until they are ready."""
        stopped = [name for name in names if self.programs.state(name).state is State.STOPPED]
        await self.programs.start([self._definitions[name] for name in stopped])

    async def stop(self) -> None:
        """Stop users, servers and stand-ins, and remove what they kept on disk."""
        await self._stack.aclose()


async def start_exchange(
    chain: ChainHandle, folder: Path, programs: Supervisor, ports: Ports, *, seed: int = 1
) -> Exchange:
    """Start everything; a few seconds.

    Raises:
        DaemonError: a program cannot be started; the message says what to do.
    """
    config = ExchangeConfig.prepare(folder, ports.take)
    faults = FaultFile(folder / "faults.json")
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, config.root, ignore_errors=True)
        servers = (
            nginx(config),
            *applications(config, chain, faults.path),
            redis(config),
        )
        database = postgres(config)
        definitions = {program.name: program for program in (*servers, database)}
        stack.push_async_callback(_stop_programs, programs, tuple(definitions))
        async with asyncio.TaskGroup() as group:
            group.create_task(_start_database(config, database, programs))
            group.create_task(programs.start(servers))
        return await _add_stand_ins(stack, config, programs, faults, definitions, ports, seed)
    raise AssertionError("unreachable: the block above returns or raises")


async def _add_stand_ins(  # noqa: PLR0917 - it is the second half of start_exchange.
    stack: AsyncExitStack,
    config: ExchangeConfig,
    programs: Supervisor,
    faults: FaultFile,
    definitions: Mapping[str, Program],
    ports: Ports,
    seed: int,
) -> Exchange:
    """Add users, the sample host and the stand-ins; the result owns all that `stack` holds."""
    connection_holder = ConnectionHolder(config)
    stack.push_async_callback(connection_holder.release)
    traffic = Traffic(f"http://127.0.0.1:{config.balancer_port}", seed=seed)
    host = SampleHost(ports.take("sample-host"), traffic.requests_per_second, seed=seed)
    await stack.enter_async_context(host)
    mailbox = Mailbox(ports.take("smtp"), ports.take("mailbox"))
    await stack.enter_async_context(mailbox)
    slack = SlackFake(ports.take("slack"), SLACK_TOKEN)
    await stack.enter_async_context(slack)
    for work in (traffic.run(), _cut_logs(config)):
        stack.push_async_callback(_cancel, asyncio.create_task(work))
    return Exchange(
        config=config,
        programs=programs,
        faults=faults,
        traffic=traffic,
        host=host,
        connection_holder=connection_holder,
        mailbox=mailbox,
        slack=slack,
        settings=_settings(config, host, mailbox, slack),
        secrets={
            "platform.dsn": config.reader_dsn,
            "redis.url": config.redis_url,
            "slack.token": SLACK_TOKEN,
        },
        addresses={
            "api": f"http://127.0.0.1:{config.balancer_port}",
            "mailbox": mailbox.url,
            "slack": slack.url,
        },
        _definitions=definitions,
        _stack=stack.pop_all(),
    )


async def _start_database(config: ExchangeConfig, database: Program, programs: Supervisor) -> None:
    await create_database(config)
    await programs.start([database])
    await fill_database(config)


async def _stop_programs(programs: Supervisor, names: tuple[str, ...]) -> None:
    known = {state.name for state in programs.states()}
    await programs.stop(*[name for name in names if name in known])


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _cut_logs(config: ExchangeConfig) -> None:
    log = Log(config.root / "nginx" / "access.log", bound=_LOG_BOUND)
    while True:
        log.cut()
        await asyncio.sleep(_LOG_SECONDS)


def _settings(
    config: ExchangeConfig, host: SampleHost, mailbox: Mailbox, slack: SlackFake
) -> dict[str, Any]:
    here = "http://127.0.0.1"
    services = [
        *((name, port, "api") for name, port in zip(API_NAMES, config.api_ports, strict=True)),
        ("worker", config.worker_port, "worker"),
    ]
    return {
        "database": {
            "dsn": {"file": "./platform.dsn"},
            "timeout_seconds": 3,
            "queries": queries.settings(),
        },
        "daemons": {
            "postgres": {"targets": [{"name": "platform", "dsn": {"file": "./platform.dsn"}}]},
            "redis": {"targets": [{"name": "cache", "url": {"file": "./redis.url"}}]},
            "nginx": {
                "targets": [
                    {"name": "edge", "status_url": f"{here}:{config.status_port}/stub_status"}
                ]
            },
            "targets": [
                *(
                    {
                        "job": "exchange",
                        "address": f"127.0.0.1:{port}",
                        "scrape_class": "critical",
                        "labels": {"service": service, "host": HOST},
                    }
                    for _, port, service in services
                ),
                {
                    "job": "node",
                    "address": f"127.0.0.1:{host.port}",
                    "scrape_class": "standard",
                    "labels": {"host": HOST},
                },
            ],
            "probes": _probes(config),
        },
        "notify": _notify(mailbox, slack),
    }


def _probes(config: ExchangeConfig) -> list[dict[str, object]]:
    targets = [
        ("api", "api", config.balancer_port, "/health"),
        ("balancer", "lb", config.status_port, "/alive"),
        *(
            (name, "upstream", port, "/health")
            for name, port in zip(API_NAMES, config.api_ports, strict=True)
        ),
    ]
    return [
        {
            "name": name,
            "kind": "http",
            "target": f"http://127.0.0.1:{port}{path}",
            "scrape_class": "critical",
            "class": kind,
        }
        for name, kind, port, path in targets
    ]


def _notify(mailbox: Mailbox, slack: SlackFake) -> dict[str, object]:
    engineers = ["ana@example.org", "bo@example.org"]
    return {
        "email": {
            "host": "127.0.0.1",
            "port": mailbox.smtp_port,
            "tls": "none",
            "sender": "dexwatch@example.org",
            "to": {
                "P0": [*engineers, "stakeholders@example.org"],
                "P1": engineers,
                "P2": ["platform@example.org"],
                "P3": ["platform@example.org"],
            },
        },
        "slack": {
            "token": {"file": "./slack.token"},
            "api_url": slack.api_url,
            "channels": {"P0": "#critical-alerts", "P1": "#alerts", "P2": "#alerts"},
        },
    }
