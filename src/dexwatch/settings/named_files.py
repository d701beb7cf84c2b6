"""Whether the files that the settings name can be read, before a program or a role opens them."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from dexwatch.bounded_file import NamedFile, read_file
from dexwatch.settings.document import dotted
from dexwatch.settings.model import Settings
from dexwatch.settings.problems import Problem
from dexwatch.settings.schema import Place

BYTES_MAX = 1_000_000


def unreadable(settings: Settings) -> Iterator[Problem]:
    """Yield a problem for each file that cannot be read: missing, no file at all, too large."""
    for place, file, named in _named(settings, ()):
        try:
            read_file(file, BYTES_MAX)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and named.may_be_missing:
                continue
            message = f"cannot be read ({error.strerror})"
            remedy = "Name a file that the user who runs dexwatch can read."
            yield Problem(file, 0, dotted(place), message, remedy)


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
