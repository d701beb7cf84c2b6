"""Who trades what in which block: a pure, seeded plan."""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from dexwatch.demo.chain.accounts import Accounts
from dexwatch.demo.chain.deploy import E18, START_USD, V3_NAME, v3_position
from dexwatch.demo.chain.handle import Deployment
from dexwatch.demo.chain.transactions import GAS_PRICE, Transaction, call
from dexwatch.demo.trading.quotes import ROUTER_FEE, QuotedPool, Quotes, fair_price

POOL_WEIGHTS = {"WBNB/USDT": 0.4, V3_NAME: 0.25, "CAKE/WBNB": 0.2, "ETH/USDT": 0.15}
LARGEST_USD = 8_000.0
"""No ordinary trade is larger; whales come by scenario only."""
PROVIDE_EVERY = 40
"""Blocks between two liquidity changes (add, then remove)."""


@dataclass
class TraderBehaviour:
    """How the population trades; scenarios change it."""

    activity: float = 1.0
    """Factor on the number of trades."""
    failing: float = 0.0
    """Share of router trades with a limit that cannot be met."""
    contracts: float = 1.0
    """Factor on calls of vault and farm."""
    contracts_failing: float = 0.0
    """Share of these calls that ask for more than the caller has."""
    gas: float = 1.0
    """Factor on what is paid for gas."""
    router_fee: float = ROUTER_FEE
    """The router's fee as the traders know it; a share of the amount in."""


class Population:
    """The people of the sample; the same seed, block and market give the same transactions."""

    def __init__(
        self,
        deployment: Deployment,
        accounts: Accounts,
        *,
        seed: int,
        trades_per_block: float,
        day_blocks: int,
    ) -> None:
        self.deployment, self.accounts, self.seed = deployment, accounts, seed
        self.trades_per_block, self.day_blocks = trades_per_block, day_blocks

    def daily_activity(self, block: int) -> float:
        """Return the share of the day's peak activity, 0.5 at night to 1.0."""
        return 0.75 + 0.25 * math.sin(2 * math.pi * (block / self.day_blocks + 0.25))

    def plan(self, block: int, market: Quotes, behaviour: TraderBehaviour) -> list[Transaction]:
        """Return what is sent after this block was seen."""
        random = Random(f"{self.seed}/{block}")
        expected = self.trades_per_block * self.daily_activity(block) * behaviour.activity
        transactions = [
            self._trade(random, block, market, behaviour) for _ in range(_poisson(random, expected))
        ]
        calls = range(_poisson(random, 0.15 * behaviour.contracts))
        transactions += [self._contract_call(random, behaviour) for _ in calls]
        if behaviour.activity > 0:
            transactions += self._arbitrage(random, block, market)
            if block % PROVIDE_EVERY == 0:
                transactions += self._provide(random, block, market)
        factor = behaviour.gas
        return [_priced(tx, random, factor) for tx in transactions]

    def swap(
        self,
        sender: str,
        state: QuotedPool,
        usd: float,
        *,
        sells_token0: bool,
        market: Quotes,
        tolerance: float = 0.01,
        router_fee: float = ROUTER_FEE,
    ) -> Transaction:
        """Return a trade through the router for about `usd` dollars.

        The tolerance is the part of the quote that may be lost; a negative one cannot be met.
        """
        pool = state.pool
        symbol = pool.token0 if sells_token0 else pool.token1
        amount = int(usd / market.usd(symbol) * E18)
        quoted = state.quote(amount * (1 - router_fee), sells_token0=sells_token0)
        method = "swapV3" if pool.kind == "v3" else "swapV2"
        return call(
            sender,
            self.deployment.router,
            f"{method}(address,address,uint256,uint256,uint256,address)",
            pool.address,
            self.deployment.tokens[symbol].address,
            amount,
            int(quoted),
            int(quoted * (1 - tolerance)),
            sender,
        )

    def _trade(
        self, random: Random, block: int, market: Quotes, behaviour: TraderBehaviour
    ) -> Transaction:
        name = random.choices(list(POOL_WEIGHTS), list(POOL_WEIGHTS.values()))[0]
        state = market.pools[name]
        usd = min(random.lognormvariate(math.log(250), 1.1), LARGEST_USD)
        sells = random.random() < 0.5 - self._gap(block, state) * 60
        tolerance = random.choice((0.005, 0.01, 0.03))
        if random.random() < behaviour.failing:
            tolerance = -1.0
        sender = random.choice(self.accounts.traders)
        return self.swap(
            sender,
            state,
            usd,
            sells_token0=sells,
            market=market,
            tolerance=tolerance,
            router_fee=behaviour.router_fee,
        )

    def _gap(self, block: int, state: QuotedPool) -> float:
        """Return by how much the pool is cheaper than the outside market; 0.01 is one per cent."""
        first, second = (
            fair_price(symbol, block, seed=self.seed, start=START_USD[symbol])
            for symbol in (state.pool.token0, state.pool.token1)
        )
        return first / second / state.price - 1

    def _arbitrage(self, random: Random, block: int, market: Quotes) -> Iterator[Transaction]:
        """Pull pools towards the outside market, and V2 and V3 towards each other."""
        who, bot, tokens = self.accounts.arbitrageur, self.deployment.bot, self.deployment.tokens
        if block % 4 == 0:
            state = market.pools[random.choice(("WBNB/USDT", "CAKE/WBNB", "ETH/USDT"))]
            gap = self._gap(block, state)
            if abs(gap) > 0.001:
                paid = state.pool.token1 if gap > 0 else state.pool.token0
                depth = state.reserve1 if gap > 0 else state.reserve0
                amount = int(min(abs(gap) / 4 * depth, LARGEST_USD / market.usd(paid) * E18))
                swap = "swapPair(address,address,uint256)"
                yield call(who, bot, swap, state.pool.address, tokens[paid].address, amount)
        pair, pool = market.pools["WBNB/USDT"], market.pools[V3_NAME]
        gap = pair.price / pool.price - 1
        if block % 2 == 0 and abs(gap) > 0.005:
            # WBNB is bought where its price is low and sold where it is high, both for USDT.
            dollars = abs(gap) / 4 * min(pair.reserve1, pool.reserve1)
            dollars = min(dollars, LARGEST_USD * E18)
            yield call(
                who,
                bot,
                "arbitrage(address,address,bool,address,address,uint256)",
                pair.pool.address,
                pool.pool.address,
                gap < 0,
                tokens["USDT"].address,
                tokens["WBNB"].address,
                int(dollars),
                gas=600_000,
                price=2 * GAS_PRICE,
            )

    def _provide(self, random: Random, block: int, market: Quotes) -> Iterator[Transaction]:
        """Add liquidity at one time, remove the same the next time."""
        turn = block // PROVIDE_EVERY
        sender = self.accounts.lps[turn // 2 % len(self.accounts.lps)]
        random = Random(f"{self.seed}/provide/{turn // 2}")
        state = market.pools[random.choice(list(POOL_WEIGHTS))]
        usd, adds = random.uniform(20_000, 60_000), turn % 2 == 0
        pool, router = state.pool, self.deployment.router
        if pool.kind == "v3":
            lower, upper, liquidity = v3_position(pool, usd)
            if adds:
                add = "addLiquidityV3(address,int24,int24,uint128)"
                yield call(sender, router, add, pool.address, lower, upper, liquidity, gas=600_000)
                return
            burn = "burn(int24,int24,uint128)"
            yield call(sender, pool.address, burn, lower, upper, liquidity, gas=600_000)
            collect, most = "collect(address,int24,int24,uint128,uint128)", 2**128 - 1
            args = (sender, lower, upper, most, most)
            yield call(sender, pool.address, collect, *args, gas=600_000)
            return
        # Shares of a V2 pair are roots of products at its opening; a fixed part keeps them so.
        amount0 = usd / START_USD[pool.token0] * E18
        amount1 = usd / START_USD[pool.token1] * E18
        if adds:
            add, real1 = "addLiquidityV2(address,uint256,uint256)", int(amount0 * state.price)
            yield call(sender, router, add, pool.address, int(amount0), real1)
        else:
            shares = int(math.sqrt(amount0 * amount1) * 0.9)
            yield call(sender, router, "removeLiquidityV2(address,uint256)", pool.address, shares)

    def _contract_call(self, random: Random, behaviour: TraderBehaviour) -> Transaction:
        sender = random.choice(self.accounts.traders)
        usdt = self.deployment.tokens["USDT"].address
        vault, farm = self.deployment.vault, self.deployment.farm
        too_much = 10**12 * E18
        failing: list[tuple[str, str, tuple[object, ...]]] = [
            (vault, "withdraw(address,uint256)", (usdt, too_much)),
            (farm, "unstake(uint256)", (too_much,)),
        ]
        usual: list[tuple[str, str, tuple[object, ...]]] = [
            (vault, "deposit(address,uint256)", (usdt, 20 * E18)),
            (vault, "withdraw(address,uint256)", (usdt, 10 * E18)),
            (farm, "stake(uint256)", (20 * E18,)),
            (farm, "unstake(uint256)", (10 * E18,)),
            (farm, "harvest()", ()),
        ]
        fails = random.random() < behaviour.contracts_failing
        to, signature, args = random.choice(failing if fails else usual)
        return call(sender, to, signature, *args)


def _priced(tx: Transaction, random: Random, factor: float) -> Transaction:
    price = int(tx.gas_price * factor * (1 + random.random() / 2))
    return dataclasses.replace(tx, gas_price=price)


def _poisson(random: Random, expected: float) -> int:
    """Return a Poisson number by Knuth's method; fine for the few events of a block."""
    limit, product, count = math.exp(-min(expected, 50.0)), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
