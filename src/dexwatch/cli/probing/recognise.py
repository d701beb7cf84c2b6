"""Finds out what stands at an address: a node and its block interval, a pool, another contract."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from dexwatch.chain.answers import RpcError
from dexwatch.chain.calls import selector
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.cli.draft import Contract, Pool, Token
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clock import monotonic
from dexwatch.evm.hexadecimal import hex_quantity
from dexwatch.metrics.series import Series

TIMEOUT_SECONDS = 5.0
BLOCKS_LEAST, BLOCKS_MOST = 40, 400
"""Block times are whole seconds on most chains: over so many blocks that is a few per cent."""
WATCH_SECONDS = 5.0
WATCH_STEP_SECONDS = 0.05
INTERVAL_LEAST_MS, INTERVAL_MOST_MS = 10, 60_000
PANCAKE_V2_FEE_BPS = 25
"""PancakePair.sol checks its invariant with 10000 and 25, so 0.25 %."""
V3_FEE_PER_BPS = 100
"""`fee()` of a V3 pool is in hundredths of a basis point."""


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
        chain_id = _number(await endpoint.call("eth_chainId"))
        head = _number(await endpoint.call("eth_blockNumber"))
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
        number = _number(await endpoint.call("eth_blockNumber"))
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
        return _number(block["milliTimestamp"])
    return 1000 * _number(block.get("timestamp"))


def _rounded(milliseconds: float) -> int | None:
    if not INTERVAL_LEAST_MS <= milliseconds <= INTERVAL_MOST_MS:
        return None
    step = 10 ** max(0, math.floor(math.log10(milliseconds)) - 1)
    return int(step * round(milliseconds / step))


def _number(answer: object) -> int:
    try:
        return hex_quantity(answer, "answer")
    except ValueError as error:
        raise SourceError(Outcome.MALFORMED, "no number was answered") from error


async def contract(url: str, address: str, *, name: str) -> Pool | Contract | None:
    """Return what stands at the address, or None when no code is there.

    Raises:
        SourceError: the endpoint gave no usable answer.
    """
    async with client(url) as endpoint:
        code = await endpoint.call("eth_getCode", address, "latest")
        if code in ("0x", None):
            return None
        pool = await _pool(endpoint, address)
        if pool is not None:
            return pool
        paused = await _view(endpoint, address, "paused()", ("bool",))
        return Contract(name, address, pausable=paused is not None)


async def _pool(node: Endpoint, address: str) -> Pool | None:
    token0 = await _view(node, address, "token0()", ("address",))
    token1 = await _view(node, address, "token1()", ("address",))
    if token0 is None or token1 is None:
        return None
    first, second = await _token(node, token0[0]), await _token(node, token1[0])
    if await _view(node, address, "getReserves()", ("uint112", "uint112", "uint32")):
        return Pool("v2", address, first, second, PANCAKE_V2_FEE_BPS)
    fee = await _view(node, address, "fee()", ("uint24",))
    if fee is None:
        return None
    # PancakeSwap widened the protocol fee in slot0 to 32 bits; Uniswap's has 8, so a value above
    # 255 is Pancake's for certain and the operator is told to check the rest.
    slot = await _view(node, address, "slot0()", _SLOT0)
    kind = "v3" if slot is None or slot[5] > 255 or slot[5] == 0 else "uniswap_v3"
    return Pool(kind, address, first, second, fee[0] / V3_FEE_PER_BPS)


_SLOT0 = ("uint160", "int24", "uint16", "uint16", "uint16", "uint32", "bool")


async def _token(node: Endpoint, address: str) -> Token:
    symbol = await _view(node, address, "symbol()", ("string",))
    decimals = await _view(node, address, "decimals()", ("uint8",))
    text = str(symbol[0]).strip()[:32] if symbol else ""
    return Token(text or address[:10], address.lower(), decimals[0] if decimals else 18)


async def _view(
    endpoint: Endpoint, address: str, signature: str, types: Sequence[str]
) -> tuple[Any, ...] | None:
    data = "0x" + selector(signature).hex()
    try:
        answer = await endpoint.call("eth_call", {"to": address, "data": data}, "latest")
        return tuple(decode(list(types), bytes.fromhex(str(answer).removeprefix("0x"))))
    except RpcError:
        return None  # The contract has no such function.
    except (DecodingError, ValueError, OverflowError):
        return None
