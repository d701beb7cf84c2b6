"""What an operator says of the chain and its nodes."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from dexwatch.config_model import ConfigModel
from dexwatch.market.config import Name, unique
from dexwatch.secret import beginning


class EndpointConfig(ConfigModel):
    """A node's RPC addresses; they may hold a key, so they are never logged or shown whole."""

    name: Name
    http: Annotated[
        SecretStr,
        beginning("http://", "https://"),
        Field(description="JSON-RPC address, http:// or https://"),
    ]
    ws: Annotated[
        SecretStr | None,
        beginning("ws://", "wss://"),
        Field(description="WebSocket address; without it heads are polled"),
    ] = None


class ChainConfig(ConfigModel):
    """The chain and the nodes through which it is watched; two or more can be compared."""

    chain_id: Annotated[int, Field(gt=0, description="56 is BNB Smart Chain")] = 56
    block_interval_ms: Annotated[int, Field(ge=10, le=60_000)] = 450
    stall_seconds: Annotated[
        float, Field(gt=0, description="no new head for so long: polling begins")
    ] = 3.0
    endpoints: Annotated[tuple[EndpointConfig, ...], Field(min_length=1, max_length=8)]
    prove_blocks: Annotated[
        bool,
        Field(
            description="take a block only if its header, transactions and receipts give its hash;"
            " false for a chain whose blocks are hashed in another way"
        ),
    ] = True
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
    max_catch_up_blocks: Annotated[
        int,
        Field(
            ge=10, description="blocks older than these are skipped after an outage, and counted"
        ),
    ] = 8_000
    safe_depth_blocks: Annotated[
        int, Field(ge=1, le=1_000, description="how far back a reorganisation is followed")
    ] = 128

    stored_blocks: Annotated[
        int, Field(ge=100, le=1_000_000, description="newest blocks kept on disk, for consumers")
    ] = 8_000
    stored_megabytes: Annotated[
        int, Field(ge=10, le=1_000_000, description="the blocks on disk take no more than this")
    ] = 512

    @model_validator(mode="after")
    def _check(self) -> Self:
        unique("endpoints", [endpoint.name for endpoint in self.endpoints])
        return self
