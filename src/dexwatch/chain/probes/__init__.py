"""What `dexwatch init` and `dexwatch doctor` ask of a node, through the product's own client."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr

from dexwatch.chain.config import ChainConfig, EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.probes import block_proof, node_plan
from dexwatch.chain.probes.node_plan import quantity
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.probing import Probe, ProbeError, port_open
from dexwatch.clock import monotonic
from dexwatch.metrics.series import Series

TIMEOUT_SECONDS = 5.0
BLOCKS_LEAST, BLOCKS_MOST = 40, 400
"""Block times are whole seconds on most chains: over so many blocks that is a few per cent."""
WATCH_SECONDS = 5.0
WATCH_STEP_SECONDS = 0.05
INTERVAL_LEAST_MS, INTERVAL_MOST_MS = 10, 60_000


def probes(config: ChainConfig, addresses: Mapping[str, str]) -> Iterator[Probe]:
    """Yield what is to be tried: each endpoint, and that a contract stands at each address."""
    for endpoint in config.endpoints:
        yield Probe(
            endpoint.name,
            partial(_endpoint, endpoint, config),
            "Check the address and key of this endpoint.",
        )
    for name, address in addresses.items():
        yield Probe(
            name,
            partial(_contract, config.endpoints[0].http, address),
            "Check the address, and that it is on this chain.",
            area="contract",
        )


async def _endpoint(config: EndpointConfig, chain: ChainConfig) -> str:
    async with client(config.http.get_secret_value()) as endpoint:
        plan = await node_plan.measure(endpoint)
        if plan.chain_id != chain.chain_id:
            raise ProbeError(
                f"it serves chain {plan.chain_id}, the configuration says {chain.chain_id}"
            )
        told = plan.told(chain.block_interval_ms)
        if chain.prove_blocks:
            told += f"; {await block_proof.prove_recent(endpoint, plan.head)}"
    if config.ws is None:
        return f"{told}; no ws address, so heads are polled"
    await port_open(config.ws.get_secret_value())
    return f"{told}; WebSocket port open"


async def _contract(url: SecretStr, address: str) -> str:
    async with client(url.get_secret_value()) as endpoint:
        if not await has_code(endpoint, address):
            raise ProbeError(f"no contract at {address}")
    return address


async def has_code(endpoint: Endpoint, address: str) -> bool:
    """Say whether a contract stands at the address.

    Raises:
        SourceError: no usable answer.
    """
    return await endpoint.call("eth_getCode", address, "latest") not in ("0x", None)


@dataclass(frozen=True)
class Node:
    """What a node said of itself."""

    chain_id: int
    head: int
    block_interval_ms: int | None
    """None: it has too few blocks, and none came while we looked."""


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Endpoint]:
    """Ask a node through the product's own client, with its bounds and time-outs.

    Raises:
        ValueError: this is no http:// or https:// address.
    """
    config = EndpointConfig.model_validate({"name": "asked", "http": url})
    endpoint = Endpoint(config, Series(), timeout_seconds=TIMEOUT_SECONDS)
    try:
        yield endpoint
    finally:
        await endpoint.close()


async def node(url: str, *, measure: bool = False) -> Node:
    """Return what a JSON-RPC endpoint says; with `measure` also how often it has a block.

    Raises:
        SourceError: no usable answer.
        ValueError: this is no http:// or https:// address.
    """
    async with client(url) as endpoint:
        chain_id = quantity(await endpoint.call("eth_chainId"))
        head = quantity(await endpoint.call("eth_blockNumber"))
        interval = await block_interval_ms(endpoint, head) if measure else None
    return Node(chain_id, head, interval)


async def block_interval_ms(endpoint: Endpoint, head: int) -> int | None:
    """Measure the time between blocks, to two figures: from old blocks, else by waiting for new.

    Raises:
        SourceError: no usable answer.
    """
    if head >= BLOCKS_LEAST:
        span = min(head, BLOCKS_MOST)
        newest = await _milliseconds(endpoint, head)
        oldest = await _milliseconds(endpoint, head - span)
        if newest > oldest:
            return _rounded((newest - oldest) / span)
    return await _watched(endpoint, head)


async def _watched(endpoint: Endpoint, head: int) -> int | None:
    seen: list[tuple[int, float]] = []
    until = monotonic() + WATCH_SECONDS
    while monotonic() < until:
        await asyncio.sleep(WATCH_STEP_SECONDS)
        number = quantity(await endpoint.call("eth_blockNumber"))
        if number > (seen[-1][0] if seen else head):
            # The first new block only begins the time that is measured.
            seen.append((number, monotonic()))
    if len(seen) < 2:
        return None
    (first, began), (last, ended) = seen[0], seen[-1]
    return _rounded(1000 * (ended - began) / (last - first))


async def _milliseconds(endpoint: Endpoint, number: int) -> int:
    """Return a block's time; BSC tells milliseconds in a field of its own."""
    block = await endpoint.call("eth_getBlockByNumber", hex(number), False)
    if not isinstance(block, dict):
        raise SourceError(Outcome.MALFORMED, f"no block {number}")
    if block.get("milliTimestamp"):
        return quantity(block["milliTimestamp"])
    return 1000 * quantity(block.get("timestamp"))


def _rounded(milliseconds: float) -> int | None:
    if not INTERVAL_LEAST_MS <= milliseconds <= INTERVAL_MOST_MS:
        return None
    step = 10 ** max(0, math.floor(math.log10(milliseconds)) - 1)
    return int(step * round(milliseconds / step))
