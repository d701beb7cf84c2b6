"""Dollar prices of tokens, walked from the pegged ones through pools, the deepest pool first."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

MAX_HOPS = 4
"""A price that is more pools away from a peg than this is no price."""


@dataclass(frozen=True, slots=True)
class PoolView:
    """What the walk needs of a pool: two tokens, the price, and whole tokens on both sides."""

    token0: str
    token1: str
    price: float
    """Units of token1 for one token0."""
    amount0: float
    amount1: float


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a whole token, and how many pools lie between it and a peg."""

    usd: float
    hops: int


def walk(pegs: Mapping[str, float], pools: Iterable[PoolView]) -> dict[str, Price]:
    """Price every token that pools connect to a peg.

    Of the pools with exactly one priced side, the one that holds the most dollars on that side is
    used next, so a thin pool cannot set a price that a deep one can give.
    """
    prices = {token: Price(usd, 0) for token, usd in pegs.items()}
    by_token: dict[str, list[PoolView]] = {}
    for pool in pools:
        if pool.price > 0 and isfinite(pool.price):
            by_token.setdefault(pool.token0, []).append(pool)
            by_token.setdefault(pool.token1, []).append(pool)
    queue: list[tuple[float, int, PoolView, str]] = []
    count = 0

    def offer(token: str) -> None:
        nonlocal count
        known = prices[token]
        for pool in by_token.get(token, ()) if known.hops < MAX_HOPS else ():
            amount = pool.amount0 if pool.token0 == token else pool.amount1
            count += 1
            heapq.heappush(queue, (-amount * known.usd, count, pool, token))

    for token in pegs:
        offer(token)
    while queue:
        _, _, pool, token = heapq.heappop(queue)
        other = pool.token1 if token == pool.token0 else pool.token0
        if other in prices:
            continue
        known = prices[token]
        usd = known.usd / pool.price if other == pool.token1 else known.usd * pool.price
        if not isfinite(usd):
            continue
        prices[other] = Price(usd, known.hops + 1)
        offer(other)
    return prices


def trade_usd(
    sold: tuple[str, float], bought: tuple[str, float], prices: Mapping[str, Price]
) -> float | None:
    """Return the dollars of a trade by the side that lies nearer to a peg; None without a price."""
    known = [
        (price.hops, amount * price.usd)
        for token, amount in (sold, bought)
        if (price := prices.get(token)) is not None
    ]
    return min(known)[1] if known else None


def locked_usd(sides: Iterable[tuple[str, float]], prices: Mapping[str, Price]) -> float | None:
    """Return the dollars that lie in a pool; an unpriced side makes it None."""
    total = 0.0
    for token, amount in sides:
        price = prices.get(token)
        if price is None:
            return None
        total += amount * price.usd
    return total
