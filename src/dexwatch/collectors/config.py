"""What can be set about the watch role."""

from typing import Annotated

from pydantic import Field

from dexwatch.listen import ListenConfig


class WatchConfig(ListenConfig):
    """Where the role's metrics are read, and how many series a collector may have."""

    port: Annotated[int, Field(ge=1, le=65_535, description="the role's /metrics")] = 8910
    max_series: Annotated[
        int, Field(ge=10, le=100_000, description="series a collector may have, at most")
    ] = 2_000
