"""Which programs `dexwatch up` runs for some settings: a process for each role, and the daemons."""

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dexwatch.daemons.program import HttpReady, Port, Program
from dexwatch.daemons.programs.alertmanager import Webhook
from dexwatch.daemons.programs.plan import plan
from dexwatch.daemons.programs.scrape import RoleTarget
from dexwatch.daemons.programs.secrets import kept
from dexwatch.roles.evaluation import Evaluation
from dexwatch.roles.process import health_socket
from dexwatch.roles.registry import RESPOND, ROLES, SUPERVISOR, RoleSpec
from dexwatch.rules.registry import render
from dexwatch.settings import Settings
from dexwatch.settings.loading import secret_variables


def programs(
    settings: Settings,
    file: Path,
    evaluation: Evaluation | None = None,
    *,
    texts: Mapping[Path, str] | None = None,
) -> tuple[Program, ...]:
    """Return every program that `up` runs; `texts` are those of the files where they were read."""
    evaluation = evaluation or Evaluation()
    roles = (
        _program(
            spec,
            settings,
            file,
            module=evaluation.roles_module,
            foreign=secret_variables(file, besides=spec.secrets, texts=texts),
        )
        for spec in ROLES
    )
    return (*roles, *daemons(settings, evaluation))


def daemons(settings: Settings, evaluation: Evaluation) -> tuple[Program, ...]:
    """Return the programs beside the roles."""
    planned = plan(
        settings.daemons,
        folder=settings.folder,
        profile=evaluation.profile,
        rules=render(evaluation.profile, settings.rules, evaluation.alerts),
        roles=scraped(settings),
        webhook=webhook(settings),
        secrets=kept(settings.daemons, folder=settings.folder),
        extra_rules=settings.rules.extra_files,
    )
    return tuple(_after_roles(daemon) for daemon in planned)


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


def _program(
    spec: RoleSpec, settings: Settings, file: Path, *, module: str, foreign: frozenset[str]
) -> Program:
    listen = spec.listens(settings)
    return Program(
        name=spec.name,
        argv=(
            *(sys.executable, "-m", module),
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
