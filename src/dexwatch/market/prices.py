"""Dollar prices of tokens, walked from the pegged ones through pools that are deep enough.

No pool decides alone where others can contradict it, and none vouches for more than lies in it:

- A pool counts with the dollars that stand behind its price on the side that is priced already,
  and never with more than stand behind that side's own price.
- Below `least_usd` it does not count at all: a price is easy to set where nothing is traded.
- The token that the deepest pool reaches is priced next, by all pools that reach it and have at
  least a tenth of the deepest one's dollars: their median, weighted by these dollars, where
  no pool of three or more outweighs the rest.
- A token that is priced never prices its own way back.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, count

MAX_HOPS = 4
"""A price that is more pools away from a peg than this is no price."""
VOTING_SHARE = Decimal("0.1")
"""Pools with less than this share of the deepest one's dollars have no say in a price."""
NOTIONAL = 100
"""Tokens may be worth so many times the dollars behind their price, and count for nothing above.

Who sold them all would get at most those dollars; a thin market for a huge holding is the usual
form of a value that does not exist.
"""
DISAGREEMENT = 10
"""The two sides of a swap may differ by this factor; more means that one price is wrong."""
_ENDLESS = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class PoolView:
    """What pricing needs of a pool."""

    token0: str
    token1: str
    price: Decimal
    """Units of token1 for one token0."""
    depth0: Decimal
    depth1: Decimal
    """Whole tokens on each side that a trade can reach at about this price."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a whole token, and what the figure rests on."""

    usd: Decimal
    hops: int
    """How many pools lie between the token and a peg."""
    depth_usd: Decimal = _ENDLESS
    """The dollars behind the price; without end for a peg, which is declared."""
    spread: Decimal = Decimal(0)
    """How far the pools that had a say are apart: highest over lowest, less one."""


@dataclass(frozen=True, slots=True)
class _Vote:
    usd: Decimal
    dollars: Decimal
    hops: int


def walk(
    pegs: Mapping[str, Decimal], pools: Iterable[PoolView], *, least_usd: Decimal
) -> dict[str, Price]:
    """Price every token that pools of at least `least_usd` dollars a side connect to a peg."""
    prices = {token: Price(usd, 0) for token, usd in pegs.items()}
    by_token: dict[str, list[PoolView]] = {}
    for pool in pools:
        if pool.price > 0 and pool.token0 != pool.token1:
            by_token.setdefault(pool.token0, []).append(pool)
            by_token.setdefault(pool.token1, []).append(pool)
    queue: list[tuple[Decimal, int, str]] = []
    turns = count()

    def offer(known: str) -> None:
        for pool in by_token.get(known, ()):
            vote = _vote(pool, known, prices[known])
            if vote is not None and vote.dollars >= least_usd:
                other = pool.token1 if pool.token0 == known else pool.token0
                heapq.heappush(queue, (-vote.dollars, next(turns), other))

    for token in pegs:
        offer(token)
    while queue:
        _, _, token = heapq.heappop(queue)
        if token in prices:
            continue
        votes = _votes(token, by_token[token], prices)
        prices[token] = _decided([vote for vote in votes if vote.dollars >= least_usd])
        offer(token)
    return prices


def trade_usd(
    sold: tuple[str, Decimal], bought: tuple[str, Decimal], prices: Mapping[str, Price]
) -> Decimal | None:
    """Return the dollars of a trade by the side that lies nearer to a peg.

    None without a price, above the dollars that stand behind it, or where the other side says
    something quite different.
    """
    known = sorted(
        ((price.hops, amount * price.usd, price.depth_usd))
        for token, amount in (sold, bought)
        if (price := prices.get(token)) is not None
    )
    if not known:
        return None
    hops, usd, depth = known[0]
    if usd > depth or (hops and len(known) > 1 and usd > DISAGREEMENT * known[1][1]):
        return None
    return usd


def holding_usd(token: str, amount: Decimal, prices: Mapping[str, Price]) -> Decimal | None:
    """Return what tokens that lie in a pool are worth; None where no price bears so many."""
    price = prices.get(token)
    if price is None:
        return None
    usd = amount * price.usd
    return usd if usd <= NOTIONAL * price.depth_usd else None


def _votes(token: str, pools: Iterable[PoolView], prices: Mapping[str, Price]) -> Iterable[_Vote]:
    for pool in pools:
        known = pool.token1 if pool.token0 == token else pool.token0
        if known in prices:
            vote = _vote(pool, known, prices[known])
            if vote is not None:
                yield vote


def _vote(pool: PoolView, known: str, price: Price) -> _Vote | None:
    """Return what a pool says of the token opposite to a known one."""
    if price.hops >= MAX_HOPS:
        return None
    if pool.token0 == known:
        usd, dollars = price.usd / pool.price, pool.depth0 * price.usd
    else:
        usd, dollars = price.usd * pool.price, pool.depth1 * price.usd
    return _Vote(usd, min(dollars, price.depth_usd), price.hops + 1) if usd > 0 else None


def _decided(votes: list[_Vote]) -> Price:
    deepest = max(votes, key=lambda vote: vote.dollars)
    voting = sorted(
        (vote for vote in votes if vote.dollars >= VOTING_SHARE * deepest.dollars),
        key=lambda vote: vote.usd,
    )
    depth = sum((vote.dollars for vote in voting), Decimal(0))
    weights = [vote.dollars for vote in voting]
    if len(voting) > 2:
        # Just below the sum of the others, so that they outvote it together.
        most = (depth - deepest.dollars) * Decimal("0.999")
        weights = [min(weight, most) for weight in weights]
    running = list(accumulate(weights))
    middle = next(place for place, sum_ in enumerate(running) if 2 * sum_ >= running[-1])
    spread = voting[-1].usd / voting[0].usd - 1
    return Price(voting[middle].usd, deepest.hops, depth, spread)
