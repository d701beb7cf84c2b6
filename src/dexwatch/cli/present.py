"""How the commands speak: tables on a terminal, JSON for machines, errors that say what to do."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.table import Table

from dexwatch.cli.terminal import SafeConsole, foreign, safe_json
from dexwatch.settings import Problem, Settings, SettingsError, load

EXIT_FINDINGS = 1
"""The command ran and found something wrong."""
EXIT_USAGE = 2
"""The command could not run with what it was given."""

out = SafeConsole()
err = SafeConsole(stderr=True)

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", help="The configuration file.", show_default=True),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
CONFIG_DEFAULT = Path("dexwatch.yml")


def settings_or_exit(
    file: Path, *, as_json: bool = False, secrets: Sequence[str] | None = None
) -> Settings:
    """Load the configuration; when it is wrong, show every problem and end with status 2.

    `secrets` names the settings whose secrets are wanted; None wants all.
    """
    try:
        return load(file, secrets=secrets)
    except SettingsError as error:
        show_problems(error.problems, as_json=as_json)
        raise typer.Exit(EXIT_USAGE) from None


def show_problems(problems: Sequence[Problem], *, as_json: bool) -> None:
    """Print configuration problems, one a line, with place and remedy."""
    if as_json:
        emit_json({"problems": [{**asdict(p), "file": str(p.file)} for p in problems]})
        return
    for problem in problems:
        place = f"{problem.file}:{problem.line}" if problem.line else str(problem.file)
        err.print(
            f"[red]✗[/] [bold]{foreign(place)}[/]  {foreign(problem.key or 'file')}: "
            f"{foreign(problem.message)}. [dim]{foreign(problem.remedy)}[/]",
            soft_wrap=True,
        )


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `counted(1, "alert")` is "1 alert", others are plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def sentence(words: str) -> str:
    """Return words that begin with a capital letter and end with a full stop."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def emit_json(value: Any) -> None:  # noqa: ANN401 - anything that JSON can hold.
    """Write one JSON document and a newline to standard output."""
    try:
        document = orjson.dumps(value)
    except TypeError:
        # A file's name that is no UTF-8 holds half a surrogate pair: it becomes a question mark.
        text = json.dumps(
            value, ensure_ascii=False, default=lambda one: orjson.loads(orjson.dumps(one))
        )
        document = text.encode(errors="replace")
    sys.stdout.buffer.write(safe_json(document) + b"\n")
    sys.stdout.flush()


def command_group(words: str) -> typer.Typer:
    """Return a command that has others below it, in the style of all of ours; `words` is help."""
    return typer.Typer(no_args_is_help=True, add_completion=False, help=words)


def table(title: str, *columns: str, rows: Iterable[Sequence[str]] = ()) -> Table:
    """Return a table in the style of all our tables."""
    made = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None
    )
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*row)
    return made


def fail(
    message: str, remedy: str, *, status: int = EXIT_FINDINGS, as_json: bool = False
) -> NoReturn:
    """Say what went wrong and what to do, then end with the status."""
    if as_json:
        emit_json({"error": message, "remedy": remedy})
    else:
        err.print(f"[red]✗[/] {foreign(message)}", soft_wrap=True)
        err.print(f"  [dim]{foreign(remedy)}[/]", soft_wrap=True)
    raise typer.Exit(status)


def fail_to_write(path: Path, error: OSError, *, remedy: str) -> NoReturn:
    """Say in one line which file or folder stands in the way of a command, and what to do."""
    place = error.filename if isinstance(error.filename, str) else str(path)
    message = f"{place} cannot be written ({error.strerror}). {remedy}"
    err.print(f"[red]✗[/] {foreign(message)}", soft_wrap=True)
    raise typer.Exit(EXIT_USAGE)
