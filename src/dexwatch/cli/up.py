"""`dexwatch up` and `dexwatch run ROLE`: the product itself."""

import asyncio
import logging
import signal
import sys
from typing import Annotated

import structlog
import typer
from rich.markup import escape

from dexwatch import app
from dexwatch.app import Role
from dexwatch.cli.present import CONFIG_DEFAULT, ConfigOption, fail, out, settings_or_exit
from dexwatch.daemons.life import State
from dexwatch.daemons.program import DaemonError
from dexwatch.daemons.supervisor import ProgramState


def up(config: ConfigOption = CONFIG_DEFAULT) -> None:
    """Watch the platform: run the daemons and all roles on this machine, until Ctrl-C."""
    settings = settings_or_exit(config)
    log_to_stderr()
    shown: set[str] = set()
    out.print(f"[bold]dexwatch[/] watches [bold]{escape(settings.name)}[/]")

    def report(states: tuple[ProgramState, ...]) -> None:
        for program in states:
            if program.state is State.READY and program.name not in shown:
                shown.add(program.name)
                out.print(f"  [green]✓[/] {program.name}")

    async def main() -> None:
        await app.up(settings, config, stop=_stop_event(), report=report)

    try:
        asyncio.run(main())
    except (DaemonError, OSError) as error:
        fail(str(error), f"Logs lie in {settings.folder}/logs. `dexwatch doctor` looks further.")


def run(
    role: Annotated[Role, typer.Argument(help="The role to run.")],
    config: ConfigOption = CONFIG_DEFAULT,
) -> None:
    """Run one role in this process; `up` does so for all."""
    settings = settings_or_exit(config)
    log_to_stderr()

    async def main() -> None:
        await app.run_role(role, settings, _stop_event())

    try:
        asyncio.run(main())
    except (DaemonError, OSError) as error:
        fail(str(error), f"`dexwatch doctor -c {config}` looks further.")


def log_to_stderr() -> None:
    """Write one JSON line for each event to standard error, ours and the libraries'."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _stop_event() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
