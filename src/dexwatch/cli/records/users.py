"""`dexwatch user`: who may sign in to the console."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from dexwatch import clock
from dexwatch.cli.present import CONFIG_DEFAULT, EXIT_USAGE, ConfigOption, fail, out
from dexwatch.cli.present import settings_or_exit as load_settings
from dexwatch.cli.terminal import foreign
from dexwatch.console.access.users import Role, UsersError, sign_out, write
from dexwatch.roles.privileges import group_of_user

PASSWORD_BYTES = 15
"""120 bits, written as 20 characters."""
NAMES = (
    "Names are in lower case: 1 to 64 of a-z, 0-9, `.`, `_` and `-`, with a letter or digit first."
)


def user(
    name: Annotated[str, typer.Argument(help="Lower-case name.")],
    *,
    config: ConfigOption = CONFIG_DEFAULT,
    role: Annotated[
        Role,
        typer.Option(help="A viewer reads; an operator also acknowledges, resolves and silences."),
    ] = Role.VIEWER,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for a password.")] = False,
    end: Annotated[
        bool, typer.Option("--sign-out", help="Only end all sessions of the user.")
    ] = False,
) -> None:
    """Add a user to the console, or give one a new password and role.

    A new password ends the user's sessions, as `--sign-out` does.
    """
    settings = load_settings(config)
    file = settings.console.users_file
    if end:
        _sign_out(file, name)
        return
    chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if ask else ""
    try:
        password = add_user(file, name, role=role, password=chosen, group=group_of_user(settings))
    except UsersError as error:
        fail(str(error), f"Mend {file}, or move it away.", status=EXIT_USAGE)
    except ValueError:
        fail(f"{name!r} cannot be the name of a user", NAMES, status=EXIT_USAGE)
    shown = "the password you typed" if ask else f"[bold]{password}[/] (shown once)"
    out.print(f"[green]✓[/] {foreign(name)} ({role.value}) may sign in with {shown}.")


def _sign_out(file: Path, name: str) -> None:
    try:
        sign_out(file, name, at=clock.now())
    except UsersError as error:
        fail(str(error), "Name a user who is in the file.", status=EXIT_USAGE)
    out.print(f"[green]✓[/] {foreign(name)} is signed out everywhere.")


def add_user(
    file: Path,
    name: str,
    *,
    role: Role = Role.OPERATOR,
    password: str = "",
    group: int | None = None,
) -> str:
    """Write the user into the file and return the password, made up when none is given.

    `group` is that of the console, where another user runs it.

    Raises:
        UsersError: the file is there and cannot be used.
        ValueError: the name is not allowed.
    """
    password = password or secrets.token_urlsafe(PASSWORD_BYTES)
    write(file, name, password, role, group=group)
    return password
