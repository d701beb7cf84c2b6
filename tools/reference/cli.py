"""cli.md: every command with its arguments and options."""

import inspect
from collections.abc import Iterator

import typer
from typer.core import TyperGroup

from dexwatch.cli import app
from tools.reference.markdown import block, code, document, table

INTRODUCTION = """
The commands of `dexwatch`.
Output is coloured on a terminal; commands with `--json` print for machines.
"""


def page() -> str:
    """Return the page."""
    return document("Command line", INTRODUCTION.strip(), _parts())


def commands() -> set[str]:
    """Return the names of all top-level commands."""
    return set(_inner(typer.main.get_command(app)))


def _parts() -> Iterator[str]:
    yield from _command(typer.main.get_command(app), ("dexwatch",))


def _inner(command: object) -> dict[str, object]:
    """Return the commands of a group; groups may look them up only when asked."""
    if not isinstance(command, TyperGroup):
        return {}
    context = typer.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: inner for name, inner in found.items() if inner is not None}


def _command(command: object, path: tuple[str, ...]) -> Iterator[str]:
    inner = _inner(command)
    if len(path) > 1 and not getattr(command, "hidden", False):
        yield f"{'#' * len(path)} {' '.join(path)}"
        yield inspect.cleandoc(getattr(command, "help", None) or "").split("\f")[0]
        if not inner:
            yield block(_usage(command, path), "sh")
            yield _parameters(command)
    for name in sorted(inner):
        yield from _command(inner[name], (*path, name))


def _usage(command: object, path: tuple[str, ...]) -> str:
    words = [*path]
    for parameter in getattr(command, "params", ()):
        if parameter.param_type_name == "argument":
            name = parameter.name.upper()
            words.append(name if parameter.required else f"[{name}]")
    return " ".join([*words, "[OPTIONS]"])


def _parameters(command: object) -> str:
    rows = [
        (_names(one), getattr(one, "help", None) or "", _default(one))
        for one in getattr(command, "params", ())
        if one.name not in {"help", "install_completion", "show_completion"}
    ]
    return table(("Option", "Meaning", "Default"), rows) if rows else ""


def _names(parameter: object) -> str:
    if getattr(parameter, "param_type_name", "") == "argument":
        return code(str(getattr(parameter, "name", "")).upper())
    return ", ".join(code(name) for name in getattr(parameter, "opts", ()))


def _default(parameter: object) -> str:
    value = getattr(parameter, "default", None)
    if getattr(parameter, "required", False):
        return "required"
    if value is None or callable(value) or value is False:
        return ""
    # A sentinel, where the library has one for "not given", is no default to show.
    simple = isinstance(value, (str, int, float)) or hasattr(value, "parts")
    return code(value) if simple and str(value) else ""
