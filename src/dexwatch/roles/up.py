"""Runs everything on one machine: the daemons, and a child process for each role."""

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

from dexwatch.daemons.program import HttpReady, Port, Program
from dexwatch.daemons.programs.alertmanager import Hook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.programs.scrape import Role as Exposed
from dexwatch.daemons.supervisor import ProgramState, Supervisor
from dexwatch.roles import exposition
from dexwatch.roles.registry import LOOPBACK, Role, build_info
from dexwatch.rules.pace import PACES
from dexwatch.rules.registry import render
from dexwatch.settings import Settings

Report = Callable[[tuple[ProgramState, ...]], None]

REPORT_SECONDS = 0.2


async def up(
    settings: Settings, file: Path, *, stop: asyncio.Event, report: Report | None = None
) -> None:
    """Start daemons and roles, keep them running until `stop` is set, then end them.

    `report` is called with the programs' states while they start, and once when all are ready.

    Raises:
        DaemonError: something cannot be started; everything that was is ended again.
    """
    # Daemons that run as another user must be able to walk through to folders of their own.
    mode = 0o711 if settings.daemons.user else 0o700
    settings.folder.mkdir(mode=mode, parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        supervisor = await stack.enter_async_context(Supervisor(settings.folder))
        await stack.enter_async_context(
            exposition.serve(
                lambda: (*supervisor.samples(), build_info("supervisor")),
                settings.daemons.supervisor.port,
                setting="daemons.supervisor.port",
            )
        )
        starting = asyncio.create_task(supervisor.start(programs(settings, file)))
        stopping = asyncio.create_task(stop.wait())
        while not starting.done() and not stopping.done():
            await asyncio.wait(
                {starting, stopping},
                timeout=REPORT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if report is not None:
                report(supervisor.states())
        if stopping.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        starting.result()
        if report is not None:
            report(supervisor.states())
        await stopping


def programs(settings: Settings, file: Path) -> tuple[Program, ...]:
    """Return every program that `up` runs: the roles and the daemons."""
    roles = tuple(_role(role, settings, file) for role in Role)
    return (*roles, *(_after_roles(daemon) for daemon in _daemons(settings)))


def _after_roles(daemon: Program) -> Program:
    """Let Prometheus begin when there is something to scrape, or each start would be an alert."""
    if daemon.name != "prometheus":
        return daemon
    return dataclasses.replace(daemon, needs=(*daemon.needs, Role.WATCH, Role.RESPOND))


def exposed(settings: Settings) -> tuple[Exposed, ...]:
    """Return our own processes that Prometheus scrapes."""
    return (
        Exposed("watch", settings.watch.port),
        Exposed("respond", settings.respond.port),
        Exposed("supervisor", settings.daemons.supervisor.port),
    )


def hook(settings: Settings) -> Hook:
    """Return the door where Alertmanager delivers."""
    return Hook(
        f"http://{LOOPBACK}:{settings.respond.port}/hooks/alertmanager",
        settings.respond.hook_token,
    )


def _daemons(settings: Settings) -> tuple[Program, ...]:
    pace = PACES[settings.pace]
    return plan(
        settings.daemons,
        folder=settings.folder,
        pace=pace,
        rules=render(pace, settings.rules),
        roles=exposed(settings),
        hook=hook(settings),
        extra_rules=settings.rules.extra_files,
    )


def _role(role: Role, settings: Settings, file: Path) -> Program:
    setting, port, path = {
        Role.WATCH: ("watch.port", settings.watch.port, "/healthz"),
        Role.RESPOND: ("respond.port", settings.respond.port, "/healthz"),
        Role.CONSOLE: ("console.port", settings.console.port, "/healthz"),
    }[role]
    return Program(
        name=role.value,
        argv=(sys.executable, "-m", "dexwatch.roles", role.value, str(file.resolve())),
        cwd=settings.folder,
        inherit_env=True,
        ports=(Port(setting, port),),
        ready=HttpReady(f"http://{LOOPBACK}:{port}{path}"),
        ready_seconds=30.0,
        restart_when_silent=True,
        package="python3",
    )
