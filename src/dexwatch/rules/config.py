"""What an operator may change about the rules without touching code."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from dexwatch.bounded_file import NamedFile


class RulesConfig(BaseModel):
    """The `rules:` part of dexwatch.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disable: tuple[str, ...] = Field(
        default=(), description="Ids of rules that are not loaded; `dexwatch check` lists them."
    )
    thresholds: dict[str, FiniteFloat] = Field(
        default_factory=dict,
        description="Thresholds by rule id, in the rule's unit: {CpuHigh: 0.9} pages at 90%.",
    )
    extra_files: Annotated[tuple[Path, ...], NamedFile()] = Field(
        default=(), description="Prometheus rule files of your own, loaded beside ours."
    )
