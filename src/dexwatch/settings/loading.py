"""From files to `Settings`, or to every mistake in them."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dexwatch.bounded_file import read_bounded
from dexwatch.settings.document import Document, dotted, read
from dexwatch.settings.model import Settings
from dexwatch.settings.problems import Problem, SettingsError
from dexwatch.settings.schema import Place, is_secret, keys
from dexwatch.settings.yaml_file import BYTES_MAX

_FOLDER = re.compile(r"^folder:[ \t]+['\"]?([^\s'\"#]+)", re.MULTILINE)


def load(
    file: Path,
    *,
    secrets: Sequence[str] | None = None,
    texts: Mapping[Path, str] | None = None,
) -> Settings:
    """Read, resolve and validate the configuration; relative paths become absolute.

    `secrets` names the settings whose secrets are wanted, for example `storage` or `storage.url`;
    all others are never read, and stand as `Withheld` in the result. None: all are wanted.
    `texts` are the files' texts where they were read already (`document.read_texts`).

    Raises:
        SettingsError: with every mistake that was found.
    """
    return settings_of(read(file, Settings, wanted=_wanted(secrets), texts=texts))


def load_partly(
    file: Path, *, texts: Mapping[Path, str] | None = None
) -> tuple[Settings, tuple[Problem, ...]]:
    """Return the settings, `Withheld` where a secret is not to be had, and which those are.

    Raises:
        SettingsError: with every other mistake.
    """
    document = read(file, Settings, texts=texts)
    return settings_of(document, absent=document.absent), tuple(document.absent)


def folder_of(file: Path) -> Path:
    """Return the state folder that a configuration names, also where the rest of it is no good.

    So a broken configuration still leads to the dexwatch that must not take it.
    """
    try:
        document = read(file, Settings, wanted=lambda _: False)
        named, base = document.values.get("folder"), document.mark(("folder",)).file
    except SettingsError:
        try:
            found = _FOLDER.search(read_bounded(file, BYTES_MAX).decode("utf-8", errors="replace"))
        except OSError:
            found = None
        named, base = (found[1] if found else None), file
    default = Settings.model_fields["folder"].default
    path = Path(named) if isinstance(named, str) and "\0" not in named else default
    return ((base if base.is_dir() else base.parent) / path).resolve()


def secret_variables(
    file: Path, *, besides: Sequence[str], texts: Mapping[Path, str] | None = None
) -> frozenset[str]:
    """Return the environment variables that hold secrets, but for those of the settings named.

    Raises:
        SettingsError: the file is no configuration.
    """
    wanted = _wanted(besides)
    named = read(file, Settings, wanted=lambda _: False, texts=texts).variables
    needed = {variable for place, variable in named.items() if wanted(place)}
    return frozenset(named.values()) - needed


def settings_of(document: Document, *, absent: Sequence[Problem] = ()) -> Settings:
    """Validate a document; `absent` are those of its absent secrets that are no mistake here.

    Raises:
        SettingsError: with every mistake that was found, those of reading it among them.
    """
    problems = [*document.problems, *(one for one in document.absent if one not in absent)]
    told = {problem.key for problem in problems}
    try:
        settings = Settings.model_validate(document.values)
    except ValidationError as error:
        # What stands in the place of a value that was not to be had is no mistake of its own.
        found = [problem for problem in _problems(document, error) if problem.key not in told]
        raise SettingsError([*problems, *found]) from None
    if problems:
        raise SettingsError(problems)
    return _anchored(settings, document)


def _wanted(secrets: Sequence[str] | None) -> Callable[[Place], bool]:
    if secrets is None:
        return lambda _: True
    prefixes = [tuple(name.split(".")) for name in secrets]

    def wanted(place: Place) -> bool:
        named = tuple(step for step in place if isinstance(step, str))
        return any(named[: len(prefix)] == prefix for prefix in prefixes)

    return wanted


def _anchored(settings: Settings, document: Document) -> Settings:
    """Make every path absolute that a file gives relative to itself."""

    def absolute(path: Path, *place: str | int) -> Path:
        file = document.mark(place).file
        return ((file if file.is_dir() else file.parent) / path).resolve()

    users = absolute(settings.console.users_file, "console", "users_file")
    extra = tuple(
        absolute(path, "rules", "extra_files", index)
        for index, path in enumerate(settings.rules.extra_files)
    )
    return settings.model_copy(
        update={
            "folder": absolute(settings.folder, "folder"),
            "console": settings.console.model_copy(update={"users_file": users}),
            "rules": settings.rules.model_copy(update={"extra_files": extra}),
        }
    )


def _problems(document: Document, error: ValidationError) -> list[Problem]:
    details = error.errors(include_url=False, include_input=False)
    wrong = [detail["loc"] for detail in details]
    found = []
    for detail in details:
        own = detail["loc"]
        # A list whose items are all wrong counts as empty as well, which nobody would understand.
        if detail["type"] == "too_short" and any(loc[: len(own)] == own != loc for loc in wrong):
            continue
        place = _place(document, own)
        message, remedy = _words(detail["type"], detail["msg"], place, detail.get("ctx", {}))
        mark = document.mark(place)
        found.append(Problem(mark.file, mark.line, dotted(place), message, remedy))
    return found


def _place(document: Document, location: tuple[int | str, ...]) -> Place:
    """Drop the steps that pydantic adds for unions, which stand nowhere in the file."""
    place: Place = ()
    for index, step in enumerate(location):
        parent = document.at(place) if place else document.values
        last = index == len(location) - 1
        in_mapping = isinstance(parent, dict) and (step in parent or last)
        if in_mapping or (isinstance(parent, list) and isinstance(step, int)):
            place = (*place, step)
    return place


def _words(kind: str, message: str, place: Place, context: dict[str, Any]) -> tuple[str, str]:
    if kind == "extra_forbidden":
        known = keys(Settings, place[:-1])
        close = difflib.get_close_matches(str(place[-1]), known, n=1)
        remedy = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(known)}."
        return "unknown key", remedy
    if kind == "missing":
        return "is missing", "Add it; what `dexwatch init` writes shows how."
    if kind == "too_short" and is_secret(Settings, place):
        length, least = context["actual_length"], context["min_length"]
        return (
            f"has {length} characters, and {least} or more are needed so that nobody can guess it",
            "Make one, for example with `openssl rand -hex 24`.",
        )
    if kind in {"too_short", "too_long"}:
        number = context["actual_length"]
        limit = (
            f"{context['min_length']} at the least"
            if kind == "too_short"
            else f"{context['max_length']} at the most"
        )
        return f"holds {number}, and may hold {limit}", "Correct the number."
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:].rstrip("."), "Correct the value."
