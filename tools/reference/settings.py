"""settings.md: every key of dexwatch.yml, its type, its default and its meaning."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from dexwatch.settings import Settings
from tools.reference.markdown import code, document, table

INTRODUCTION = """
The keys of `dexwatch.yml`.
Unknown keys are errors; `dexwatch check` finds all mistakes in one run.
The files `conf.d/*.yml` beside it belong to it, and `-c` may name such a folder alone: mappings
are merged, lists are joined, and a value that two files give is an error that names both.
Any value may be given as `{env: NAME}` or `{file: path}`, so that secrets stay out of the file; a
secret also as `NAME_file: path`.
Keys marked as secret are never shown, logged or put into errors, and a role reads only the
secrets that it needs.
"""


def page() -> str:
    """Return the page."""
    return document("Settings", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    yield "## Top level"
    yield _keys(Settings)
    for name, field in Settings.model_fields.items():
        for model in models(field.annotation):
            yield from _model(name, model)


def _model(path: str, model: type[BaseModel], depth: int = 2) -> Iterator[str]:
    yield f"{'#' * min(depth, 4)} {path}"
    yield inspect.getdoc(model) or ""
    if model.model_fields:
        yield _keys(model)
    for name, field in model.model_fields.items():
        suffix = _suffix(field.annotation)
        for inner in models(field.annotation):
            yield from _model(f"{path}.{name}{suffix}", inner, depth + 1)


def _keys(model: type[BaseModel]) -> str:
    meanings = attribute_docs(model)
    return table(
        ("Key", "Type", "Default", "Meaning"),
        (
            (
                code(field.alias or name),
                type_name(field.annotation),
                _default(field),
                field.description or meanings.get(name) or _first_sentence(field),
            )
            for name, field in model.model_fields.items()
        ),
    )


def _first_sentence(field: FieldInfo) -> str:
    """Return what a section says of itself, where the key says nothing."""
    texts = [inspect.getdoc(model) or "" for model in models(field.annotation)]
    return " or ".join(text.splitlines()[0] for text in texts if text)


def attribute_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts that stand below the fields of a model and of what it derives from."""
    found: dict[str, str] = {}
    for ancestor in reversed(model.__mro__):
        if not (issubclass(ancestor, BaseModel) and ancestor.__module__.startswith("dexwatch")):
            continue
        try:
            source = inspect.getsource(ancestor)
        except OSError:
            continue  # It is made of a registry's entries, and each documents itself.
        tree = ast.parse(textwrap.dedent(source)).body[0]
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(ast.Constant(str(words))):
                    found[name] = inspect.cleandoc(words)
    return found


def models(annotation: object) -> list[type[BaseModel]]:
    """Return the models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models(inner)]


def _suffix(annotation: object) -> str:
    """Return what tells a list (`[]`) or a mapping (`.NAME`) of models from a single one."""
    origin = get_origin(annotation)
    if origin in {list, tuple}:
        return "[]"
    if origin is dict:
        return ".NAME"
    if origin in {Annotated, Union, UnionType}:
        return next((s for s in map(_suffix, get_args(annotation)) if s), "")
    return ""


def type_name(annotation: Any) -> str:  # noqa: ANN401 - annotations have no common type.
    """Return an annotation in an operator's words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(type_name(one) for one in arguments if one is not _NONE))
    if origin is Literal:
        return ", ".join(code(one) for one in arguments)
    if origin in {list, tuple}:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"mapping to {type_name(arguments[1])}"
    if isinstance(annotation, type):
        return _class_name(annotation)
    return str(annotation)


_NONE = type(None)
_PLAIN = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}


def _class_name(kind: type) -> str:
    if issubclass(kind, SecretStr):
        return "secret text"
    if issubclass(kind, BaseModel):
        return "section"
    if issubclass(kind, Enum):
        return ", ".join(code(one.value) for one in kind)
    return _PLAIN.get(kind.__name__, kind.__name__.lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "off"
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, (tuple, list)):
        value = [one.value if isinstance(one, Enum) else one for one in value]
        return ", ".join(map(code, value)) or "none"
    if isinstance(value, (dict, frozenset)):
        return code(re.sub(r"\s+", " ", str(value))) if value else "none"
    return code(value)
