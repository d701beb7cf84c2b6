"""Prices and quotes of the sample's pools, computed from one reading of their state."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dexwatch.demo.chain.handle import Deployment, Pool
from dexwatch.demo.chain.rpc import Json, Rpc, RpcError, decode_output, encode_call

ROUTER_FEE = 0.0005
"""Of the amount in; the router's `feeBps` at deployment."""


@dataclass(frozen=True)
class QuotedPool:
    """One pool as it was at one block.

    A V3 pool of the sample has one price range, so that its liquidity acts like virtual reserves.
    """

    pool: Pool
    reserve0: float
    """In the token's smallest unit; for V3 the virtual reserve."""
    reserve1: float

    @property
    def price(self) -> float:
        """Units of token1 for one token0; all tokens of the sample have 18 decimals."""
        return self.reserve1 / self.reserve0

    def quote(self, amount_in: float, *, sells_token0: bool) -> float:
        """Return what a swap directly on the pool would get now, pool fee included."""
        here, there = self.reserve0, self.reserve1
        if not sells_token0:
            here, there = there, here
        paid = amount_in * (1 - self.pool.fee_bps / 10_000)
        return paid * there / (here + paid)


@dataclass(frozen=True)
class Quotes:
    """All pools at one block."""

    pools: Mapping[str, QuotedPool]

    def usd(self, symbol: str) -> float:
        """Return a token's price in dollars, through WBNB/USDT where it has no dollar pool."""
        if symbol == "USDT":
            return 1.0
        if symbol == "CAKE":
            return self.pools["CAKE/WBNB"].price * self.usd("WBNB")
        return self.pools[f"{symbol}/USDT"].price


_VIEWS = {"v2": ("getReserves()",), "v3": ("slot0()", "liquidity()")}


async def read_quotes(rpc: Rpc, deployment: Deployment) -> Quotes:
    """Return the pools' state at the newest block.

    Raises:
        RpcError: the node does not answer all of it.
        httpx.HTTPError: the node is not reachable.
    """
    pools = deployment.pools.values()
    calls = [(pool.address, encode_call(view)) for pool in pools for view in _VIEWS[pool.kind]]
    answers = await rpc.batch(
        [("eth_call", [{"to": to, "data": data}, "latest"]) for to, data in calls]
    )
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    raw = iter(answers)
    return Quotes(
        {pool.name: _state(pool, [next(raw) for _ in _VIEWS[pool.kind]]) for pool in pools}
    )


def _state(pool: Pool, raw: Sequence[Json]) -> QuotedPool:
    if pool.kind == "v2":
        reserve0, reserve1, _ = decode_output("uint112,uint112,uint32", raw[0])
        return QuotedPool(pool, float(reserve0), float(reserve1))
    slot = decode_output("uint160,int24,uint16,uint16,uint16,uint32,bool", raw[0])
    [liquidity] = decode_output("uint128", raw[1])
    root = slot[0] / 2**96
    return QuotedPool(pool, liquidity / root, liquidity * root)


def fair_price(symbol: str, block: int, *, seed: int, start: float) -> float:
    """Return what the outside market thinks a token is worth, in dollars: a slow seeded drift.

    A sum of three waves of 6, 17 and 45 minutes (at 450 ms a block), within 4% of the start.
    """
    if symbol == "USDT":
        return 1.0
    drift = 0.0
    for index, (blocks, height) in enumerate(((800, 0.006), (2300, 0.012), (6000, 0.02))):
        phase = _unit(seed, symbol, index)
        # Subtracting the value at block 0 makes every seed start where the pools open.
        wave = math.sin(2 * math.pi * (block / blocks + phase)) - math.sin(2 * math.pi * phase)
        drift += height / 2 * wave
    return start * math.exp(drift)


def _unit(seed: int, symbol: str, index: int) -> float:
    """Return a number in [0, 1) that looks random and is always the same."""
    value = seed * 7919 + index * 104_729
    for character in symbol:
        value = (value * 31 + ord(character)) % 1_000_003
    return value / 1_000_003
