"""The state of the watched pools and the dollar prices that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dexwatch.evm.events import V2Sync, V3Collect, V3Mint, V3Swap
from dexwatch.market import pools, prices
from dexwatch.market.config import DexConfig, PoolConfig, TokenConfig
from dexwatch.market.prices import PoolView, Price


@dataclass
class PoolState:
    """A pool as last seen; amounts in the tokens' smallest units, None before the first sight."""

    config: PoolConfig
    token0: TokenConfig
    token1: TokenConfig
    amount0: int | None = None
    amount1: int | None = None
    """What lies in the pool: a pair's reserves, or the balances of a concentrated pool."""
    sqrt_price_x96: int | None = None

    @property
    def name(self) -> str:
        """The label value."""
        return self.config.name

    def price(self) -> float | None:
        """Return how many token1 one token0 is worth."""
        decimals = self.token0.decimals, self.token1.decimals
        if self.config.kind == "v2":
            return pools.v2_price(self.amount0 or 0, self.amount1 or 0, *decimals)
        return pools.v3_price(self.sqrt_price_x96 or 0, *decimals)

    def sides(self) -> tuple[tuple[str, float], tuple[str, float]] | None:
        """Return both tokens with their whole amounts, None while unknown."""
        if self.amount0 is None or self.amount1 is None:
            return None
        return (
            (self.token0.symbol, self.amount0 / 10**self.token0.decimals),
            (self.token1.symbol, self.amount1 / 10**self.token1.decimals),
        )


class Market:
    """All watched pools by address; prices are walked anew only after something changed."""

    def __init__(self, dex: DexConfig) -> None:
        tokens = {token.symbol: token for token in dex.tokens}
        self.pools: Mapping[str, PoolState] = {
            pool.address: PoolState(pool, tokens[pool.token0], tokens[pool.token1])
            for pool in dex.pools
        }
        self._pegs = {token.symbol: token.usd for token in dex.tokens if token.usd is not None}
        self._prices: dict[str, Price] = {}
        self._stale = True

    @property
    def prices(self) -> Mapping[str, Price]:
        """Dollars by token symbol, of those that pools connect to a peg."""
        if self._stale:
            self._prices = prices.walk(self._pegs, self._views())
            self._stale = False
        return self._prices

    def sync(self, pool: PoolState, event: V2Sync) -> None:
        """Take a pair's new reserves."""
        self.refresh(pool, event.reserve0, event.reserve1)

    def swap(self, pool: PoolState, event: V3Swap) -> None:
        """Take a concentrated pool's swap."""
        pool.sqrt_price_x96 = event.sqrt_price_x96
        self._move(pool, event.amount0, event.amount1)

    def mint(self, pool: PoolState, event: V3Mint) -> None:
        """Take liquidity added to a concentrated pool."""
        self._move(pool, event.amount0, event.amount1)

    def collect(self, pool: PoolState, event: V3Collect) -> None:
        """Take tokens paid out of a concentrated pool."""
        self._move(pool, -event.amount0, -event.amount1)

    def refresh(
        self, pool: PoolState, amount0: int, amount1: int, *, sqrt_price_x96: int | None = None
    ) -> None:
        """Take a pool's state as the chain tells it."""
        pool.amount0, pool.amount1 = amount0, amount1
        if sqrt_price_x96 is not None:
            pool.sqrt_price_x96 = sqrt_price_x96
        self._stale = True

    def locked_usd(self, pool: PoolState) -> float | None:
        """Return the dollars in a pool.

        For a pair twice the better-priced side, since both sides are worth the same to its price.
        """
        sides = pool.sides()
        if sides is None:
            return None
        if pool.config.kind != "v2":
            return prices.locked_usd(sides, self.prices)
        one_side = prices.trade_usd(*sides, self.prices)
        return None if one_side is None else 2 * one_side

    def _move(self, pool: PoolState, amount0: int, amount1: int) -> None:
        if pool.amount0 is not None and pool.amount1 is not None:
            pool.amount0, pool.amount1 = pool.amount0 + amount0, pool.amount1 + amount1
        self._stale = True

    def _views(self) -> list[PoolView]:
        views = []
        for pool in self.pools.values():
            price, sides = pool.price(), pool.sides()
            if price is not None and sides is not None:
                (token0, amount0), (token1, amount1) = sides
                views.append(PoolView(token0, token1, price, amount0, amount1))
        return views
