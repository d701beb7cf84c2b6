"""The commands; each group is a file, and this list is the table of contents."""

import typer

from dexwatch.cli import check, coverage, demo, doctor, export, init, status, up, users

app = typer.Typer(
    name="dexwatch",
    help="Watch a decentralised exchange on BNB Smart Chain, page people, prove what happened.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    up.up,
    up.run,
    demo.demo,
    demo.scenario,
    init.init,
    check.check,
    doctor.doctor,
    status.status,
    coverage.coverage,
    users.user,
)

for command in COMMANDS:
    app.command()(command)
app.add_typer(export.app, name="export")


def main() -> None:
    """Run the command line."""
    app()
