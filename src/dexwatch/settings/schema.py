"""What the settings' models say of a place in the file: keys, secrets, default ports."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

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
            for model in _models_at(root, place)
            for name, field in model.model_fields.items()
        }
    )


def is_secret(root: type[BaseModel], place: Place) -> bool:
    """Return whether a secret stands at a place."""
    if not place or not isinstance(place[-1], str):
        return False
    return any(
        _holds_secret(model.model_fields[place[-1]].annotation)
        for model in _models_at(root, place[:-1])
        if place[-1] in model.model_fields
    )


def default_ports(root: type[BaseModel]) -> dict[Place, int]:
    """Return the default of each port on which we or our daemons listen, by its place."""
    return dict(_ports(root, ()))


def _ports(model: type[BaseModel], place: Place) -> Iterator[tuple[Place, int]]:
    for name, field in model.model_fields.items():
        if name == "port" and field.default in PORTS:
            yield (*place, name), field.default
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _ports(field.annotation, (*place, name))


def _models_at(root: type[BaseModel], place: Place) -> list[type[BaseModel]]:
    models = [root]
    for step in place:
        if isinstance(step, int):
            continue
        models = [
            inner
            for model in models
            for name, field in model.model_fields.items()
            if step in (name, field.alias)
            for inner in _models(field.annotation)
        ]
    return models


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - annotations have no common type.
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Union, UnionType, list, tuple, dict, Annotated}:
        return [model for inner in get_args(annotation) for model in _models(inner)]
    return []


def _holds_secret(annotation: Any) -> bool:  # noqa: ANN401 - annotations have no common type.
    if isinstance(annotation, type):
        return issubclass(annotation, SecretStr)
    return any(_holds_secret(inner) for inner in get_args(annotation))
