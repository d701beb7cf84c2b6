"""Whether the files that the settings name can be read, before a program or a role opens them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from dexwatch.bounded_file import NamedFile, read_file
from dexwatch.settings.document import dotted, whole
from dexwatch.settings.model import Settings
from dexwatch.settings.problems import Problem, SettingsError
from dexwatch.settings.schema import Place

BYTES_MAX = 1_000_000


def unreadable(settings: Settings) -> Iterator[Problem]:
    """Yield a problem for each file that cannot be read: missing, no file at all, too large."""
    yield from _problems(_read(settings))


def require_whole(settings: Settings) -> None:
    """Wait until two readings of all files agree: an editor may be in the middle of one.

    Raises:
        SettingsError: with every file that cannot be read, or those that go on changing.
    """
    if problems := _problems(whole(lambda: _read(settings))):
        raise SettingsError(problems)


def _problems(found: dict[Path, bytes | Problem]) -> list[Problem]:
    return [each for each in found.values() if isinstance(each, Problem)]


def _read(settings: Settings) -> dict[Path, bytes | Problem]:
    found: dict[Path, bytes | Problem] = {}
    for place, file, named in _named(settings, ()):
        try:
            found[file] = read_file(file, BYTES_MAX)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and named.may_be_missing:
                continue
            message = f"cannot be read ({error.strerror})"
            remedy = "Name a file that the user who runs dexwatch can read."
            found[file] = Problem(file, 0, dotted(place), message, remedy)
    return found


def _named(value: object, place: Place) -> Iterator[tuple[Place, Path, NamedFile]]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _named(item, (*place, index))
    if not isinstance(value, BaseModel):
        return
    for name, field in type(value).model_fields.items():
        here, inner = (*place, name), getattr(value, name)
        mark = next((mark for mark in field.metadata if isinstance(mark, NamedFile)), None)
        if mark is None:
            yield from _named(inner, here)
        elif isinstance(inner, tuple):
            yield from (((*here, index), file, mark) for index, file in enumerate(inner))
        elif inner is not None:
            yield here, inner, mark
