"""Far more trade than the sample's own, to fill blocks as those of BNB Smart Chain are."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from dexwatch.demo.chain.transactions import Transaction, call
from dexwatch.demo.trading.population import Population, TraderBehaviour
from dexwatch.demo.trading.quotes import Quotes
from dexwatch.demo.trading.traders import Traders


class Crowd(Population):
    """The people of the sample, who also send `extra` cheap transactions a block."""

    def __init__(self, people: Population, extra: int) -> None:
        super().__init__(
            people.deployment,
            people.accounts,
            seed=people.seed,
            trades_per_block=people.trades_per_block,
            day_blocks=people.day_blocks,
        )
        self._extra, self._random = extra, Random(people.seed)

    def plan(self, block: int, market: Quotes, behaviour: TraderBehaviour) -> list[Transaction]:
        """Return the usual plan, then three transfers for one swap, spread over the traders."""
        usual = super().plan(block, market, behaviour)
        return usual + [self._cheap(index, market) for index in range(self._extra)]

    def _cheap(self, index: int, market: Quotes) -> Transaction:
        traders = self.accounts.traders
        sender = traders[index % len(traders)]
        if index % 4:
            usdt, sending = self.deployment.tokens["USDT"].address, "transfer(address,uint256)"
            return call(sender, usdt, sending, traders[0], 10**18, gas=100_000)
        usd, sells = self._random.uniform(20, 200), self._random.random() < 0.5
        pools = list(market.pools.values())
        state = pools[index // 4 % len(pools)]
        return self.swap(sender, state, usd, sells_token0=sells, market=market, tolerance=0.5)


@contextmanager
def flood(traders: Traders, transactions_per_block: int) -> Iterator[None]:
    """Add so many transactions to the normal trade while entered; a block holds about 400."""
    usual = traders.population
    traders.population = Crowd(usual, transactions_per_block)
    try:
        yield
    finally:
        traders.population = usual
