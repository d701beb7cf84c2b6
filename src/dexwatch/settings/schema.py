"""What the settings' models say of a place in the file: keys, secrets, default ports."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

Place = tuple[str | int, ...]
"""The way to a value: keys and list positions, from the top."""

PORT_BASE = 8900
PORTS = range(PORT_BASE, PORT_BASE + 100)
"""Our own default ports. Those of protocols, such as 587 for mail, lie elsewhere and never move."""


def keys(root: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that are known at a place."""
    return sorted(
        {
            field.alias or name
            for model in _at(root, place)
            if _is_model(model)
            for name, field in model.model_fields.items()
        }
    )


def is_secret(root: type[BaseModel], place: Place) -> bool:
    """Return whether a secret stands at a place."""
    return any(isinstance(one, type) and issubclass(one, SecretStr) for one in _at(root, place))


def default_ports(root: type[BaseModel]) -> dict[Place, int]:
    """Return the default of each port on which we or our daemons listen, by its place."""
    return dict(_ports(root, ()))


def _ports(model: type[BaseModel], place: Place) -> Iterator[tuple[Place, int]]:
    for name, field in model.model_fields.items():
        if name == "port" and field.default in PORTS:
            yield (*place, name), field.default
        elif _is_model(field.annotation):
            yield from _ports(field.annotation, (*place, name))


def _at(root: type[BaseModel], place: Place) -> list[Any]:
    """Return the types that a place may have, by walking the models' annotations."""
    found: list[Any] = [root]
    for step in place:
        found = [one for outer in found for inner in _step(outer, step) for one in _plain(inner)]
    return found


def _step(annotation: Any, step: str | int) -> Iterator[Any]:  # noqa: ANN401 - annotations have no common type.
    origin, arguments = get_origin(annotation), get_args(annotation)
    if _is_model(annotation):
        for name, field in annotation.model_fields.items():
            if step in (name, field.alias):
                yield field.annotation
    elif origin in {list, tuple} and isinstance(step, int):
        yield arguments[0]
    elif origin is dict:
        yield arguments[1]


def _plain(annotation: Any) -> list[Any]:  # noqa: ANN401 - annotations have no common type.
    """Return the alternatives of a union, without what is only annotated."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [one for inner in get_args(annotation) for one in _plain(inner)]
    return [annotation]


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:  # noqa: ANN401 - annotations have no common type.
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
