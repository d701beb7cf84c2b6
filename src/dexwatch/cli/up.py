"""`dexwatch up`, `dexwatch run ROLE` and `dexwatch reload`: the product itself."""

import asyncio
import os
import secrets
import shlex
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import structlog
import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_FINDINGS,
    EXIT_USAGE,
    ConfigOption,
    JsonOption,
    emit_json,
    err,
    fail,
    out,
    settings_or_exit,
)
from dexwatch.cli.terminal import foreign
from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.program import DaemonError
from dexwatch.daemons.supervisor import ProgramState
from dexwatch.roles.privileges import become_owner, become_user, require_installation
from dexwatch.roles.process import log_to, log_to_file, reload_event, stop_event
from dexwatch.roles.registry import ROLES, SUPERVISOR
from dexwatch.roles.registry import role as role_named
from dexwatch.roles.reload.answer import (
    Answer,
    answered,
    ask,
    supervisor_of,
    turn,
)
from dexwatch.roles.reload.role import with_reload
from dexwatch.roles.up import up as run_all
from dexwatch.settings import Settings
from dexwatch.settings.loading import folder_of

_log = structlog.get_logger(__name__)

WAIT_SECONDS = 90.0
"""Daemons are checked and reloaded one after the other, and roles finish what is under way."""
_STEP_SECONDS = 0.1


def up(config: ConfigOption = CONFIG_DEFAULT) -> None:
    """Watch the platform: run the daemons and all roles on this machine, until Ctrl-C."""
    settings_or_exit(config)
    # All of it was judged; what only a role needs is not kept here.
    settings = settings_or_exit(config, secrets=SUPERVISOR.secrets)
    _become_user(settings, config)

    async def main() -> None:
        stop = stop_event()
        report = _Report(settings)
        await run_all(settings, config, stop=stop, again=reload_event(stop), report=report)

    try:
        if out.is_terminal:
            log_to_file(settings.folder / "logs" / "up.log")
        else:
            log_to()
        asyncio.run(main())
    except (DaemonError, OSError) as error:
        remedy = f"Logs lie in {settings.folder}/logs."
        if isinstance(error, IsADirectoryError):
            remedy = f"Remove what stands at {error.filename2 or error.filename}."
        elif isinstance(error, OSError) and error.filename is not None:
            remedy = f"Is {settings.folder} (`folder`) a folder that this user may write to?"
        fail(str(error), f"{remedy} `dexwatch doctor` looks further.")


def _become_user(settings: Settings, config: Path) -> None:
    try:
        become_user(settings, config)
        require_installation()
    except DaemonError as error:
        fail(str(error), "See `daemons.user` in docs/guides/operating.md.")
    if os.geteuid() == 0:
        err.print("[yellow]![/] Running as root. Set `daemons.user` to a user without rights.")


def run(
    role: Annotated[str, typer.Argument(help=f"One of {', '.join(s.name for s in ROLES)}.")],
    config: ConfigOption = CONFIG_DEFAULT,
) -> None:
    """Run one role in this process; `up` does so for all."""
    try:
        spec = role_named(role)
    except ValueError as error:
        fail(str(error), "`dexwatch run --help` lists them.", status=EXIT_USAGE)
    settings = settings_or_exit(config, secrets=spec.secrets)
    _become_user(settings, config)
    log_to()

    async def main() -> None:
        await with_reload(spec, settings, config)

    try:
        asyncio.run(main())
    except (DaemonError, OSError) as error:
        fail(str(error), f"`dexwatch doctor -c {shlex.quote(str(config))}` looks further.")


def reload(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False) -> None:
    """Let the running `dexwatch up` take the configuration: all of it, or nothing."""
    run = folder_of(config) / "run"
    pid = supervisor_of(run)
    if pid is None:
        fail(
            f"no dexwatch runs in {run.parent}",
            "Start it with `dexwatch up`, or name its configuration with -c.",
            status=EXIT_USAGE,
            as_json=as_json,
        )
    try:
        become_owner(run)
        with turn(run, seconds=WAIT_SECONDS):
            given = _asked(run, pid)
    except TimeoutError:
        fail(
            f"another `dexwatch reload` is not over after {WAIT_SECONDS:g} s",
            "Try again when it is.",
            as_json=as_json,
        )
    except OSError as error:
        fail(
            f"the dexwatch of process {pid} cannot be told ({error.strerror})",
            "Reload as the user that runs it.",
            status=EXIT_USAGE,
            as_json=as_json,
        )
    if given is None:
        fail(
            f"the dexwatch of process {pid} has not answered within {WAIT_SECONDS:g} s",
            "It may still be starting; its log says what it does.",
            as_json=as_json,
        )
    if as_json:
        emit_json(asdict(given))
    else:
        _show(given)
    if not given.good:
        raise typer.Exit(EXIT_FINDINGS)


def _asked(run: Path, pid: int) -> Answer | None:
    request = secrets.token_hex(8)
    ask(run, request)
    os.kill(pid, signal.SIGHUP)
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        given = answered(run)
        if given is not None and given.id == request:
            return given
        time.sleep(_STEP_SECONDS)
    return None


def _show(given: Answer) -> None:
    if not given.good:
        for problem in given.problems:
            err.print(f"[red]✗[/] {foreign(problem)}", soft_wrap=True)
        for line in given.kept:
            err.print(f"[red]✗[/] not brought back: {foreign(line)}", soft_wrap=True)
        if given.kept:
            err.print("  Mend the configuration and reload again, or restart `dexwatch up`.")
        elif given.back:
            err.print(f"  Brought back: {foreign(', '.join(given.back))}.", soft_wrap=True)
        err.print(f"  Configuration {given.version} stays in use.")
        return
    what = f": {', '.join(given.changed)}" if given.changed else "; nothing that runs is concerned"
    out.print(f"[green]✓[/] configuration {given.version} is in use{foreign(what)}")
    if given.restart:
        named = ", ".join(given.restart)
        out.print(
            f"[yellow]![/] taken by a restart of `dexwatch up` only: {foreign(named)}",
            soft_wrap=True,
        )


class _Report:
    """Says when each program is ready, and where the console is when all are.

    To a person in lines, to a machine in the log's JSON; never both on one screen.
    """

    def __init__(self, settings: Settings) -> None:
        self._address = settings.console.public_url
        self._shown: set[str] = set()
        if out.is_terminal:
            out.print(f"[bold]dexwatch[/] watches [bold]{foreign(settings.name)}[/]")
        else:
            _log.info("up.starting", platform=settings.name)

    def __call__(self, states: tuple[ProgramState, ...], *, started: bool) -> None:
        ready = [program.name for program in states if program.state is State.READY]
        for name in ready:
            if name not in self._shown:
                self._shown.add(name)
                self._say(f"  [green]✓[/] {name}", "up.program_ready", program=name)
        if started:
            line = f"Console: [bold]{foreign(self._address)}[/]   Ctrl-C ends everything."
            self._say(line, "up.ready", console=self._address)

    def _say(self, line: str, event: str, **values: str) -> None:
        if out.is_terminal:
            out.print(line)
        else:
            _log.info(event, **values)
