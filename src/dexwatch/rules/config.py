"""What an operator may change about the rules without touching code."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from dexwatch.bounded_file import NamedFile
from dexwatch.config_model import ConfigModel


class RulesConfig(ConfigModel):
    """The `rules:` part of dexwatch.yml."""

    disable: tuple[str, ...] = Field(
        default=(), description="Ids of rules that are not loaded; `dexwatch check` lists them."
    )
    thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="Thresholds by rule id, in the rule's unit: {CpuHigh: 0.9} pages at 90%.",
    )
    extra_files: Annotated[tuple[Path, ...], NamedFile()] = Field(
        default=(), description="Prometheus rule files of your own, loaded beside ours."
    )
