"""What holds for every part of the settings."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from dexwatch.config_model import ConfigModel
from dexwatch.settings import Settings


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def models(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    seen.add(model)
    for field in model.model_fields.values():
        for part in parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in seen:
                models(part, seen)
    return seen


MODELS = sorted(models(Settings, set()), key=lambda model: model.__qualname__)


def test_every_part_refuses_what_it_does_not_know_and_numbers_without_end() -> None:
    assert [model for model in MODELS if not issubclass(model, ConfigModel)] == []
    loose = [
        model
        for model in MODELS
        if (model.model_config.get("extra"), model.model_config.get("allow_inf_nan"))
        != ("forbid", False)
    ]
    assert loose == []


@pytest.mark.parametrize("text", ["inf", "-Infinity", "nan", "1e999"])
def test_a_number_without_end_is_refused_in_quotes_too(text: str) -> None:
    market: TypeAdapter[Any] = TypeAdapter(Settings.model_fields["dex"].annotation)
    with pytest.raises(ValidationError, match=r"high_value_usd\s+Input should be a finite number"):
        market.validate_python({"high_value_usd": text})
