"""The watched pools and the dollar prices that follow from them."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from dexwatch.evm.block import Block, BlockRef
from dexwatch.evm.events import Event
from dexwatch.market import pools, prices
from dexwatch.market.block_events import Decoded, decode_block
from dexwatch.market.config import DexConfig, PoolConfig, TokenConfig
from dexwatch.market.history import PoolHistory, PoolState
from dexwatch.market.pools import Trade
from dexwatch.market.prices import PoolView, Price

_RETRACTED = 1_024
"""Dropped blocks that are remembered, so that late answers about them are not taken."""


@dataclass(frozen=True, slots=True)
class Tvl:
    """What lies in a pool: the dollars of what could be priced, and the tokens that could not."""

    usd: Decimal
    unpriced: tuple[str, ...]


@dataclass
class WatchedPool:
    """A configured pool, its tokens, and its state as the evaluated blocks leave it."""

    config: PoolConfig
    token0: TokenConfig
    token1: TokenConfig
    history: PoolHistory = field(default_factory=PoolHistory)
    _viewed: tuple[PoolState, PoolView | None] | None = None
    """The view of a state, which most blocks leave as it is."""

    @property
    def name(self) -> str:
        """The label value."""
        return self.config.name

    @property
    def state(self) -> PoolState:
        """What the pool holds and tells now."""
        return self.history.state

    def price(self) -> Decimal | None:
        """Return how many token1 one token0 is worth, as the pool alone says."""
        state, decimals = self.state, (self.token0.decimals, self.token1.decimals)
        if self.config.kind == "v2":
            return pools.v2_price(state.amount0 or 0, state.amount1 or 0, *decimals)
        return pools.v3_price(state.root or 0, *decimals)

    def holdings(self) -> tuple[tuple[str, Decimal], tuple[str, Decimal]] | None:
        """Return both tokens with the whole amounts that lie in the pool, None while unknown."""
        state = self.state
        if state.amount0 is None or state.amount1 is None:
            return None
        return self._whole(state.amount0, state.amount1)

    def view(self) -> PoolView | None:
        """Return what pricing needs of the pool.

        Of a concentrated pool a side counts with what its liquidity in range trades like, but
        never with more than it holds: neither what lies out of range nor what is only virtual
        stands behind a price.
        """
        if self._viewed is None or self._viewed[0] is not self.state:
            self._viewed = self.state, self._view()
        return self._viewed[1]

    def _view(self) -> PoolView | None:
        price, holdings, state = self.price(), self.holdings(), self.state
        if price is None or holdings is None:
            return None
        (symbol0, depth0), (symbol1, depth1) = holdings
        if state.liquidity is not None and state.root is not None:
            virtual = pools.v3_reserves(state.liquidity, state.root)
            (_, virtual0), (_, virtual1) = self._whole(*virtual)
            depth0, depth1 = min(depth0, virtual0), min(depth1, virtual1)
        return PoolView(symbol0, symbol1, price, depth0, depth1)

    def sides(self, trade: Trade) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
        """Return token and whole amount that were sold and bought."""
        sold, bought = self.token0, self.token1
        if not trade.zero_for_one:
            sold, bought = bought, sold
        return (
            (sold.symbol, pools.whole(trade.amount_in, sold.decimals)),
            (bought.symbol, pools.whole(trade.amount_out, bought.decimals)),
        )

    def _whole(self, amount0: int, amount1: int) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
        return (
            (self.token0.symbol, pools.whole(amount0, self.token0.decimals)),
            (self.token1.symbol, pools.whole(amount1, self.token1.decimals)),
        )


class Market:
    """All watched pools by address; prices are walked anew only after something changed."""

    def __init__(self, dex: DexConfig) -> None:
        tokens = {token.symbol: token for token in dex.tokens}
        self.pools: Mapping[str, WatchedPool] = {
            pool.address: WatchedPool(pool, tokens[pool.token0], tokens[pool.token1])
            for pool in dex.pools
        }
        self._emitters = frozenset(self.pools) | dex.managers
        self._pegs = {
            token.symbol: Decimal(str(token.usd)) for token in dex.tokens if token.usd is not None
        }
        self._least_usd = Decimal(str(dex.min_price_depth_usd))
        self._prices: dict[str, Price] = {}
        self.version = 0
        """Rises with every change, so that what follows from the state need not be made anew."""
        self._priced = -1
        self._decoded: tuple[str, Decoded] = ("", Decoded((), ()))
        self._retracted: deque[str] = deque(maxlen=_RETRACTED)
        self._told: dict[str, tuple[WatchedPool, PoolState, BlockRef]] = {}
        """The newest answer about each pool: while no block comes, many come to one block."""

    @property
    def prices(self) -> Mapping[str, Price]:
        """Dollars by token symbol, of those that deep enough pools connect to a peg."""
        if self._priced != self.version:
            views = (pool.view() for pool in self.pools.values())
            found = [view for view in views if view is not None]
            self._prices = prices.walk(self._pegs, found, least_usd=self._least_usd)
            self._priced = self.version
        return self._prices

    def decode(self, block: Block) -> Decoded:
        """Return the events of watched pools and position managers; a block is decoded once."""
        if self._decoded[0] != block.ref.hash:
            self._decoded = (block.ref.hash, decode_block(block, self._emitters))
        return self._decoded[1]

    def apply(self, number: int, pool: WatchedPool, event: Event) -> None:
        """Take an event of the newest block."""
        pool.history.apply(number, event)
        self.version += 1

    def refresh(self, pool: WatchedPool, told: PoolState, at: BlockRef) -> None:
        """Note a pool's state after a block, as the chain tells it, for the next `settle`."""
        self._told[pool.config.address] = (pool, told, at)

    def settle(self) -> None:
        """Take what was told meanwhile; events of newer blocks are kept.

        Blocks are taken in one place and answers come at another, so answers wait for the blocks.
        """
        while self._told:
            _, (pool, told, at) = self._told.popitem()
            if at.hash not in self._retracted:
                pool.history.refresh(at.number, told)
                self.version += 1

    def retract(self, blocks: Iterable[BlockRef], *, reset: bool = False) -> None:
        """Take dropped blocks back; after a reset nothing that we knew holds any more."""
        dropped = list(blocks)
        self._retracted.extend(ref.hash for ref in dropped)
        lowest = 0 if reset else min(ref.number for ref in dropped)
        for pool in self.pools.values():
            pool.history.retract(lowest)
        self.version += 1

    def tvl(self, pool: WatchedPool) -> Tvl | None:
        """Return the dollars in a pool, None while its state or the price of both is unknown.

        For a pair twice the better-priced side, since both are worth the same to its price.
        A concentrated pool is the sum of what it really holds.
        """
        sides = pool.holdings()
        if sides is None:
            return None
        values = [prices.holding_usd(*side, self.prices) for side in sides]
        priced = [value for value in values if value is not None]
        unpriced = tuple(
            token for (token, _), value in zip(sides, values, strict=True) if value is None
        )
        if not priced:
            return None
        if pool.config.kind == "v2" and not unpriced:
            nearer = min(
                zip(sides, priced, strict=True), key=lambda side: self.prices[side[0][0]].hops
            )
            return Tvl(2 * nearer[1], ())
        return Tvl(sum(priced, Decimal(0)), unpriced)
