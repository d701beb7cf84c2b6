"""What can be set about the watch role."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class WatchConfig(BaseModel):
    """Where the role's figures are read, and how many series a collector may have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: Annotated[int, Field(ge=1, le=65_535, description="the role's /metrics, on loopback")] = (
        8910
    )
    max_series: Annotated[
        int, Field(ge=10, le=100_000, description="series a collector may have, at most")
    ] = 2_000
