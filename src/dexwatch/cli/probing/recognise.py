"""Finds out what stands at an address of the chain: a pool, or another contract."""

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from dexwatch.chain.answers import RpcError
from dexwatch.chain.calls import selector
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.probes import client, has_code
from dexwatch.cli.draft import Contract, Pool, Token

PANCAKE_V2_FEE_BPS = 25
"""PancakePair.sol checks its invariant with 10000 and 25, so 0.25%."""
V3_FEE_PER_BPS = 100
"""`fee()` of a V3 pool is in hundredths of a basis point."""


async def contract(url: str, address: str, *, name: str) -> Pool | Contract | None:
    """Return what stands at the address, or None when no code is there.

    Raises:
        SourceError: the endpoint gave no usable answer.
    """
    async with client(url) as endpoint:
        if not await has_code(endpoint, address):
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
