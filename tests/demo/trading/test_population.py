"""The people of the sample are seeded: the same seed does the same things."""

import pytest

from dexwatch.demo.chain.accounts import Accounts
from dexwatch.demo.chain.deploy import E18, START_USD
from dexwatch.demo.chain.handle import Deployment, Pool, Token
from dexwatch.demo.trading.population import LARGEST_USD, Population, TraderBehaviour
from dexwatch.demo.trading.quotes import QuotedPool, Quotes, fair_price


def address(number: int) -> str:
    return f"0x{number:040x}"


POOLS = [
    Pool(name, kind, address(100 + i), *name.removesuffix("-V3").split("/"), fee)
    for i, (name, kind, fee) in enumerate(
        [
            ("WBNB/USDT", "v2", 25.0),
            ("CAKE/WBNB", "v2", 25.0),
            ("ETH/USDT", "v2", 25.0),
            ("WBNB/USDT-V3", "v3", 5.0),
        ]
    )
]
ACCOUNTS = Accounts.of([address(i + 1) for i in range(Accounts.COUNT)])
DEPLOYMENT = Deployment(
    tokens={s: Token(s, address(200 + i), 18) for i, s in enumerate(START_USD)},
    pools={pool.name: pool for pool in POOLS},
    router=address(300),
    vault=address(301),
    farm=address(302),
    bot=address(303),
    owner=ACCOUNTS.owner,
    guardian=ACCOUNTS.guardian,
    hot_wallets=ACCOUNTS.hot_wallets,
)


def market(shift: float = 1.0) -> Quotes:
    states = {}
    for pool in POOLS:
        reserve0 = 5e6 / START_USD[pool.token0] * E18
        reserve1 = 5e6 / START_USD[pool.token1] * E18
        states[pool.name] = QuotedPool(pool, reserve0, reserve1 * shift)
    return Quotes(states)


def people(seed: int = 1) -> Population:
    return Population(DEPLOYMENT, ACCOUNTS, seed=seed, trades_per_block=3.0, day_blocks=1333)


def test_the_same_seed_plans_the_same_orders() -> None:
    first, second = people(), people()
    for block in range(200):
        assert first.plan(block, market(), TraderBehaviour()) == second.plan(
            block, market(), TraderBehaviour()
        )


def test_another_seed_plans_other_orders() -> None:
    assert [people(1).plan(b, market(), TraderBehaviour()) for b in range(20)] != [
        people(2).plan(b, market(), TraderBehaviour()) for b in range(20)
    ]


def test_the_day_has_a_busy_and_a_quiet_half() -> None:
    daily_activity = [people().daily_activity(block) for block in range(1333)]
    assert min(daily_activity) == pytest.approx(0.5, abs=0.01)
    assert max(daily_activity) == pytest.approx(1.0, abs=0.01)


def test_without_activity_nobody_trades() -> None:
    behaviour = TraderBehaviour(activity=0.0, contracts=0.0)
    assert all(people().plan(block, market(), behaviour) == [] for block in range(200))


@pytest.mark.parametrize("symbol", list(START_USD))
def test_prices_outside_drift_but_stay_near(symbol: str) -> None:
    prices = [
        fair_price(symbol, block, seed=3, start=START_USD[symbol]) for block in range(0, 20_000, 10)
    ]
    assert prices[0] == pytest.approx(START_USD[symbol])
    assert all(abs(price / START_USD[symbol] - 1) < 0.05 for price in prices)


def test_a_pool_that_is_too_cheap_is_bought_up() -> None:
    transactions = [
        o for b in range(0, 400, 4) for o in people().plan(b, market(0.95), TraderBehaviour())
    ]
    assert any(tx.to == DEPLOYMENT.bot for tx in transactions)


def test_a_quote_obeys_the_constant_product() -> None:
    state = market().pools["WBNB/USDT"]
    paid = 1000 * E18
    out = state.quote(paid, sells_token0=False)
    kept = paid * (1 - 0.0025)
    assert (state.reserve1 + kept) * (state.reserve0 - out) == pytest.approx(
        state.reserve0 * state.reserve1
    )


def test_ordinary_trades_stay_below_the_whale_limit() -> None:
    assert LARGEST_USD < 50_000
