"""Finds out what stands at an address: a PancakeSwap or Uniswap pool, or another contract."""

from collections.abc import Sequence
from typing import Any

import orjson
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from dexwatch.cli.draft import Contract, Pool, Token
from dexwatch.clients.http import HttpClient, Outcome, SourceError
from dexwatch.clients.http import decode as decode_json

PANCAKE_V2_FEE_BPS = 25
"""PancakePair.sol checks its invariant with 10000 and 25, so 0.25 %."""
V3_FEE_PER_BPS = 100
"""`fee()` of a V3 pool is in hundredths of a basis point."""


async def endpoint(url: str, *, timeout_seconds: float = 5.0) -> tuple[int, int]:
    """Return (chain id, head block number) of a JSON-RPC endpoint.

    Raises:
        SourceError: no usable answer.
    """
    async with HttpClient(url, timeout_seconds=timeout_seconds) as client:
        return int(await _rpc(client, "eth_chainId"), 16), int(
            await _rpc(client, "eth_blockNumber"), 16
        )


async def contract(url: str, address: str, *, name: str) -> Pool | Contract | None:
    """Return what stands at the address, or None when no code is there.

    Raises:
        SourceError: the endpoint gave no usable answer.
    """
    async with HttpClient(url) as client:
        code = await _rpc(client, "eth_getCode", address, "latest")
        if code in ("0x", None):
            return None
        pool = await _pool(client, address)
        if pool is not None:
            return pool
        paused = await _view(client, address, "paused()", ("bool",))
        return Contract(name, address, pausable=paused is not None)


async def _pool(client: HttpClient, address: str) -> Pool | None:
    token0 = await _view(client, address, "token0()", ("address",))
    token1 = await _view(client, address, "token1()", ("address",))
    if token0 is None or token1 is None:
        return None
    first, second = await _token(client, token0[0]), await _token(client, token1[0])
    if await _view(client, address, "getReserves()", ("uint112", "uint112", "uint32")):
        return Pool("v2", address, first, second, PANCAKE_V2_FEE_BPS)
    fee = await _view(client, address, "fee()", ("uint24",))
    if fee is None:
        return None
    # PancakeSwap widened the protocol fee in slot0 to 32 bits; Uniswap's has 8, so a value above
    # 255 is Pancake's for certain and the operator is told to check the rest.
    slot = await _view(client, address, "slot0()", _SLOT0)
    kind = "v3" if slot is None or slot[5] > 255 or slot[5] == 0 else "uniswap_v3"
    return Pool(kind, address, first, second, fee[0] / V3_FEE_PER_BPS)


_SLOT0 = ("uint160", "int24", "uint16", "uint16", "uint16", "uint32", "bool")


async def _token(client: HttpClient, address: str) -> Token:
    symbol = await _view(client, address, "symbol()", ("string",))
    decimals = await _view(client, address, "decimals()", ("uint8",))
    text = str(symbol[0]).strip()[:32] if symbol else ""
    return Token(text or address[:10], address.lower(), decimals[0] if decimals else 18)


async def _view(
    client: HttpClient, address: str, signature: str, types: Sequence[str]
) -> tuple[Any, ...] | None:
    data = "0x" + keccak(text=signature)[:4].hex()
    try:
        answer = await _rpc(client, "eth_call", {"to": address, "data": data}, "latest")
        return tuple(decode(list(types), bytes.fromhex(answer.removeprefix("0x"))))
    except SourceError as error:
        if error.outcome is Outcome.RPC_ERROR:
            return None  # The contract has no such function.
        raise
    except (DecodingError, ValueError, OverflowError):
        return None


async def _rpc(client: HttpClient, method: str, *parameters: object) -> str:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    reply = await client.send("POST", content=orjson.dumps(request))
    if reply.status != 200:
        raise SourceError(Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status)
    answer = decode_json(reply.body)
    if isinstance(answer, dict) and isinstance(answer.get("result"), str):
        return str(answer["result"])
    if isinstance(answer, dict) and "error" in answer:
        raise SourceError(Outcome.RPC_ERROR, str(answer["error"])[:200])
    raise SourceError(Outcome.MALFORMED, f"{method}: no result")
