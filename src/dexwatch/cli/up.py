"""`dexwatch up` and `dexwatch run ROLE`: the product itself."""

import asyncio
from typing import Annotated

import structlog
import typer

from dexwatch.cli.present import (
    CONFIG_DEFAULT,
    EXIT_USAGE,
    ConfigOption,
    fail,
    out,
    settings_or_exit,
)
from dexwatch.cli.terminal import foreign
from dexwatch.daemons.life import State
from dexwatch.daemons.program import DaemonError
from dexwatch.daemons.supervisor import ProgramState
from dexwatch.roles.process import log_to, log_to_file, stop_event
from dexwatch.roles.registry import ROLES, SUPERVISOR, run_role
from dexwatch.roles.registry import role as role_named
from dexwatch.roles.up import up as run_all
from dexwatch.settings import Settings

_log = structlog.get_logger(__name__)


def up(config: ConfigOption = CONFIG_DEFAULT) -> None:
    """Watch the platform: run the daemons and all roles on this machine, until Ctrl-C."""
    settings_or_exit(config)
    # All of it was judged; what only a role needs is not kept here.
    settings = settings_or_exit(config, secrets=SUPERVISOR.secrets)
    if out.is_terminal:
        log_to_file(settings.folder / "logs" / "up.log")
    else:
        log_to()
    report = _Report(settings)

    async def main() -> None:
        await run_all(settings, config, stop=stop_event(), report=report)

    try:
        asyncio.run(main())
    except (DaemonError, OSError) as error:
        fail(str(error), f"Logs lie in {settings.folder}/logs. `dexwatch doctor` looks further.")


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
    log_to()

    async def main() -> None:
        await run_role(spec, settings, stop_event())

    try:
        asyncio.run(main())
    except (DaemonError, OSError) as error:
        fail(str(error), f"`dexwatch doctor -c {config}` looks further.")


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

    def __call__(self, states: tuple[ProgramState, ...]) -> None:
        ready = [program.name for program in states if program.state is State.READY]
        for name in ready:
            if name not in self._shown:
                self._shown.add(name)
                self._say(f"  [green]✓[/] {name}", "up.program_ready", program=name)
        if self._address and len(ready) == len(states):
            address, self._address = self._address, ""
            line = f"Console: [bold]{foreign(address)}[/]   Ctrl-C ends everything."
            self._say(line, "up.ready", console=address)

    def _say(self, line: str, event: str, **values: str) -> None:
        if out.is_terminal:
            out.print(line)
        else:
            _log.info(event, **values)
