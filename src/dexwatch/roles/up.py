"""Runs everything on one machine: the daemons, and a child process for each role."""

import asyncio
import contextlib
import dataclasses
import os
import sys
from pathlib import Path
from typing import Protocol

from dexwatch.daemons.program import DaemonError, HttpReady, Port, Program
from dexwatch.daemons.programs.alertmanager import Webhook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.programs.scrape import RoleTarget
from dexwatch.daemons.programs.secrets import kept
from dexwatch.daemons.supervisor import ProgramState, Supervisor
from dexwatch.roles.evaluation import Evaluation
from dexwatch.roles.http import exposition, relay
from dexwatch.roles.privileges import require_private
from dexwatch.roles.process import build_info, health_socket
from dexwatch.roles.registry import RESPOND, ROLES, SUPERVISOR, RoleSpec
from dexwatch.roles.reload.in_use import InUse
from dexwatch.roles.reload.supervisor import Reloading
from dexwatch.rules.registry import render
from dexwatch.settings import Settings, SettingsError
from dexwatch.settings.document import read_texts
from dexwatch.settings.loading import secret_variables
from dexwatch.settings.snapshot import Configuration


class Report(Protocol):
    """Is told of the programs while they start; `started` once all that must be ready are.

    The states alone do not tell: a program that waits for others has none yet.
    """

    def __call__(self, states: tuple[ProgramState, ...], *, started: bool) -> None:
        """Take what is known of each program that was begun."""


REPORT_SECONDS = 0.2


async def up(
    settings: Settings,
    file: Path,
    *,
    stop: asyncio.Event,
    again: asyncio.Event | None = None,
    report: Report | None = None,
    evaluation: Evaluation | None = None,
) -> None:
    """Start daemons and roles, keep them running until `stop` is set, then end them.

    Each time that `again` is set, the configuration is read again and taken into use.
    `report` is called with the programs' states while they start, and once when all are ready.

    Raises:
        DaemonError: something cannot be started, or the state folder is not private; everything
            that was started is ended again.
    """
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_private(settings.folder)
    # The roles work in the state folder, where a relative path would lead elsewhere.
    file = file.absolute()  # noqa: ASYNC240 - it only looks at the working folder.
    configuration = Configuration(file, settings, secrets=SUPERVISOR.secrets)
    async with contextlib.AsyncExitStack() as stack:
        supervisor = await stack.enter_async_context(Supervisor(settings.folder))
        in_use = await asyncio.to_thread(_kept, settings.folder / "run", file)
        own = kept(settings.daemons, folder=settings.folder).access
        await stack.enter_async_context(
            exposition.serve(
                lambda: (
                    *supervisor.samples(),
                    *configuration.samples(),
                    build_info("supervisor"),
                ),
                settings.daemons.supervisor.port,
                access=own,
                more=[relay.route(supervisor.programs, own)],
                setting="daemons.supervisor.port",
                host=settings.daemons.supervisor.host,
                names=[settings.daemons.supervisor.url],
            )
        )
        if not await _started(supervisor, programs(settings, file, evaluation), stop, report):
            return
        reloading = Reloading(
            supervisor,
            configuration,
            plan=lambda latter: programs(latter, file, evaluation),
            in_use=in_use,
        )
        serving = asyncio.create_task(reloading.serve(again or asyncio.Event()))
        stack.push_async_callback(_ended, serving)
        await stop.wait()


def _kept(run: Path, file: Path) -> InUse:
    try:
        return InUse(run, read_texts(file))
    except SettingsError as error:
        raise DaemonError(str(error)) from error


async def _started(
    supervisor: Supervisor,
    planned: tuple[Program, ...],
    stop: asyncio.Event,
    report: Report | None,
) -> bool:
    """Start the programs, reporting on the way; False when told to stop meanwhile."""
    starting = asyncio.create_task(supervisor.start(planned))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not starting.done() and not stopping.done():
            await asyncio.wait(
                {starting, stopping},
                timeout=REPORT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if report is not None:
                report(supervisor.states(), started=False)
        if stopping.done():
            return False
        starting.result()
        if report is not None:
            report(supervisor.states(), started=True)
        return True
    finally:
        await _ended(starting)
        await _ended(stopping)


async def _ended(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def programs(
    settings: Settings, file: Path, evaluation: Evaluation | None = None
) -> tuple[Program, ...]:
    """Return every program that `up` runs: the roles and the daemons."""
    evaluation = evaluation or Evaluation()
    roles = tuple(_program(spec, settings, file, evaluation) for spec in ROLES)
    return (*roles, *(_after_roles(daemon) for daemon in _daemons(settings, evaluation)))


def _after_roles(daemon: Program) -> Program:
    """Let Prometheus begin when there is something to scrape, or each start would be an alert."""
    if daemon.name != "prometheus":
        return daemon
    scraped = (spec.name for spec in ROLES if spec.scrape_class is not None)
    return dataclasses.replace(daemon, needs=(*daemon.needs, *scraped))


def scraped(settings: Settings, *, outside: bool = False) -> tuple[RoleTarget, ...]:
    """Return our own processes that Prometheus scrapes, by their addresses on this machine.

    `outside` gives the advertised addresses, for programs that run elsewhere.
    """
    return tuple(
        RoleTarget(spec.name, _address(spec, settings, outside=outside), spec.scrape_class)
        for spec in (*ROLES, SUPERVISOR)
        if spec.scrape_class is not None
    )


def webhook(settings: Settings, *, outside: bool = False) -> Webhook:
    """Return where Alertmanager delivers, at the advertised address if it runs elsewhere."""
    address = _address(RESPOND, settings, outside=outside)
    return Webhook(f"{address}/hooks/alertmanager", settings.respond.hook_token)


def _address(spec: RoleSpec, settings: Settings, *, outside: bool) -> str:
    listen = spec.listens(settings)
    return listen.url if outside else listen.local_url


def _daemons(settings: Settings, evaluation: Evaluation) -> tuple[Program, ...]:
    return plan(
        settings.daemons,
        folder=settings.folder,
        profile=evaluation.profile,
        rules=render(evaluation.profile, settings.rules, evaluation.alerts),
        roles=scraped(settings),
        webhook=webhook(settings),
        secrets=kept(settings.daemons, folder=settings.folder),
        extra_rules=settings.rules.extra_files,
    )


def _program(spec: RoleSpec, settings: Settings, file: Path, evaluation: Evaluation) -> Program:
    listen = spec.listens(settings)
    foreign = secret_variables(file, besides=spec.secrets)
    return Program(
        name=spec.name,
        argv=(
            *(sys.executable, "-m", evaluation.roles_module),
            *(spec.name, str(file.absolute()), str(settings.folder / "run")),
        ),
        cwd=settings.folder,
        env={name: value for name, value in os.environ.items() if name not in foreign},
        ports=(Port(f"{spec.section}.port", listen.port),),
        ready=HttpReady(
            f"http://localhost{spec.health}", socket=health_socket(settings, spec.name)
        ),
        ready_seconds=30.0,
        restart_when_silent=True,
        package="python3",
        requirements=spec.requirements,
    )
