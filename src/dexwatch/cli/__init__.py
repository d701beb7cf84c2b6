"""The commands; each group is a file, and this list is the table of contents.

A command's module is imported when it is called, so that `dexwatch up` does not carry the others.
"""

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dexwatch import __version__
from dexwatch.cli.present import out

COMMANDS = {
    "up": "up:up",
    "run": "up:run",
    "reload": "up:reload",
    "demo": "demo:demo",
    "scenario": "demo:scenario",
    "init": "init:init",
    "check": "check:check",
    "doctor": "doctor:doctor",
    "status": "status:status",
    "incident": "records.incident:app",
    "jobs": "records.jobs:app",
    "test-notification": "probing.notification:try_channels",
    "coverage": "coverage:coverage",
    "user": "records.users:user",
    "export": "export:app",
}
"""What an operator types, and the module and function behind it."""


class Commands(TyperGroup):
    """Finds commands by `COMMANDS`, in its order."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as the library has it.
        super().__init__(**options)
        # Only the names are read from here, to say which one a mistyped command may have meant.
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - the base class's signature.
        """Return the names, in the order of the table of contents."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: object,  # noqa: ARG002 - the base class's signature.
        cmd_name: str,
    ) -> Any:  # noqa: ANN401 - typer keeps its type private.
        """Import and return a command."""
        return command(cmd_name) if cmd_name in COMMANDS else None


def command(name: str) -> Any:  # noqa: ANN401 - typer keeps its type private.
    """Return the command of a name in `COMMANDS`."""
    module, _, function = COMMANDS[name].partition(":")
    found = getattr(importlib.import_module(f"dexwatch.cli.{module}"), function)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(found)
        found = single
    made = typer.main.get_command(found)
    made.name = name
    return made


app = typer.Typer(
    cls=Commands,
    name="dexwatch",
    help="Watch a decentralised exchange on BNB Smart Chain, page people, prove what happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(*, wanted: bool) -> None:
    if wanted:
        out.print(f"dexwatch {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Say which version this is."
        ),
    ] = False,
) -> None:
    """Hold the commands together."""


def main() -> None:
    """Run the command line."""
    app()
