"""A catalogue's entries are listed by what its module declares, so that none can be forgotten."""

from collections.abc import Mapping
from typing import TypeVar

_T = TypeVar("_T")


def declared(kind: type[_T], names: Mapping[str, object]) -> tuple[_T, ...]:
    """Return what of this kind is among a module's names (`globals()`), in the module's order."""
    return tuple(value for value in names.values() if isinstance(value, kind))
