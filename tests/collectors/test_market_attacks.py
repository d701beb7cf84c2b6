"""No pool, token, contract or moment makes the figures say what is not so."""

from typing import Any

import pytest

from dexwatch.evm import topics
from dexwatch.market import pools
from dexwatch.market.history import PoolState
from dexwatch.metrics import exchange
from tests.fakes import pools as fake
from tests.fakes.bench import Bench
from tests.fakes.pools import ANA, BNB, PAIR, POOL, UNIT, USDT

TOKEN = "0x" + "77" * 20
MANAGER = "0x46a15b0b27311cedf172ab29e4f4766fbe7f4364"
UNISWAP_MANAGER = "0x7b8a01b39d58278b5de7e48c8449c9f4f5170613"
BO, CY = "0x" + "0b" * 20, "0x" + "0c" * 20
V3_SWAP = ["int256", "int256", "uint160", "uint128", "int24", "uint128", "uint128"]
THIRD, FOURTH = "0x" + "a5" * 20, "0x" + "a6" * 20


def token_pool(**options: Any) -> Bench:
    """One V3 pool of somebody's token against the dollar."""
    return Bench(
        tokens=[
            {"symbol": "TOKEN", "address": TOKEN},
            {"symbol": "USDT", "address": USDT, "usd": 1.0},
        ],
        pools=[
            {"name": "p", "kind": "v3", "address": POOL, "token0": "TOKEN", "token1": "USDT"},
        ],
        **options,
    )


@pytest.mark.parametrize(
    ("dollars", "root", "liquidity"),
    [
        # A swap ran out of liquidity and stopped at the limit; nothing is left on the other side.
        (0, pools.MAX_ROOT - 1, 0),
        # Dust.
        (10**6, 10**40, 10**18),
        # Much money that lies out of range, and an extreme price in a range without liquidity.
        (10**6 * UNIT, 10**40, 0),
        # The same with a narrow range of huge liquidity: only virtual.
        (10**6, 10**40, 10**30),
    ],
)
def test_a_v3_pool_without_depth_sets_no_price_and_has_no_huge_tvl(
    dollars: int, root: int, liquidity: int
) -> None:
    bench = token_pool()
    bench.tell(POOL, PoolState(5_000_000 * UNIT, dollars, root, 0, liquidity))
    bench.block()
    assert bench.value(exchange.token_price_usd, token="TOKEN") is None
    assert bench.value(exchange.tvl_usd, pool="p") == dollars / UNIT
    assert bench.value(exchange.tokens_unpriced, pool="p") == 1


def test_a_price_bears_no_more_than_the_dollars_behind_it_allow() -> None:
    """Ten thousand real dollars in range at an absurd price do not make a fortune of a token."""
    bench = token_pool()
    root = 10**40
    liquidity = 10_000 * UNIT * pools.Q96 // root
    bench.tell(POOL, PoolState(5_000_000 * UNIT, 10_000 * UNIT, root, 0, liquidity * 2))
    bench.block()
    assert bench.value(exchange.tvl_usd, pool="p") <= 10_000
    assert bench.value(exchange.tokens_unpriced, pool="p") == 1


def test_a_sound_v3_pool_counts_what_it_really_holds() -> None:
    bench = token_pool()
    liquidity = 10**24
    held = pools.v3_reserves(liquidity, 2 * pools.Q96)
    bench.tell(POOL, PoolState(*held, 2 * pools.Q96, 0, liquidity))
    bench.block()
    assert bench.value(exchange.token_price_usd, token="TOKEN") == 4
    tvl = (held[0] * 4 + held[1]) / UNIT
    assert bench.value(exchange.tvl_usd, pool="p") == pytest.approx(tvl)
    assert bench.value(exchange.tokens_unpriced, pool="p") == 0
    assert bench.value(exchange.price_depth_usd, token="TOKEN") == pytest.approx(held[1] / UNIT)


def cake_dex() -> Bench:
    tokens = [
        {"symbol": "WBNB", "address": BNB},
        {"symbol": "USDT", "address": USDT, "usd": 1.0},
        {"symbol": "CAKE", "address": TOKEN},
        {"symbol": "JUNK", "address": CY},
    ]
    pairs = [
        ("WBNB/USDT", PAIR, "WBNB", "USDT"),
        ("CAKE/WBNB", THIRD, "CAKE", "WBNB"),
        ("CAKE/JUNK", FOURTH, "CAKE", "JUNK"),
    ]
    return Bench(
        tokens=tokens,
        pools=[{"name": n, "address": a, "token0": x, "token1": y} for n, a, x, y in pairs],
    )


def sync(pair: str, reserve0: int, reserve1: int) -> dict[str, Any]:
    kinds = ["uint112", "uint112"]
    return fake.log(pair, topics.V2_SYNC, [], kinds, reserve0 * UNIT, reserve1 * UNIT)


def swap(pair: str, in0: int, out1: int) -> dict[str, Any]:
    kinds = ["uint256"] * 4
    return fake.log(pair, topics.V2_SWAP, [ANA, ANA], kinds, in0 * UNIT, 0, 0, out1 * UNIT)


def test_a_swap_cannot_change_the_price_by_which_it_is_valued() -> None:
    bench = cake_dex()
    start = [sync(PAIR, 10_000, 6_000_000), sync(THIRD, 1_000_000, 5_000)]
    bench.block({"logs": start})
    # In one block, with borrowed money: WBNB up a hundredfold, a swap, and everything back.
    pumped = [sync(PAIR, 1_000, 60_000_000), sync(THIRD, 1_010_000, 4_951)]
    bench.block({"logs": [*pumped, swap(THIRD, 10_000, 49), sync(PAIR, 10_000, 6_000_000)]})
    assert bench.value(exchange.volume_usd, pool="CAKE/WBNB") == pytest.approx(49 * 600)


def test_trading_worthless_tokens_with_oneself_makes_no_volume() -> None:
    bench = cake_dex()
    bench.block({"logs": [sync(PAIR, 10_000, 6_000_000), sync(THIRD, 1_000_000, 5_000)]})
    # Cake is worth 3 dollars, its pools hold 3 million; this is a thousand million of them.
    bench.block({"logs": [swap(FOURTH, 10**9, 10**20)]})
    assert bench.value(exchange.volume_usd, pool="CAKE/JUNK") == 0
    assert bench.value(exchange.swaps, pool="CAKE/JUNK") == 1
    assert bench.value(exchange.swaps_unpriced, pool="CAKE/JUNK") == 1


def mint(token: int, owner: str | None, manager: str = MANAGER) -> list[dict[str, Any]]:
    """A position through the manager; without an owner as a node's log filter may show it."""
    amounts = ["address", "uint128", "uint256", "uint256"]
    lower, upper = (f"{tick % (1 << 256):064x}" for tick in (-1_000 - 50 * token, 1_000))
    made = fake.log(POOL, topics.V3_MINT, [manager], amounts, manager, 10**18, 5, 6)
    made["topics"] += ["0x" + lower, "0x" + upper]
    if owner is None:
        return [made]
    nft = fake.log(manager, topics.TRANSFER, ["0x" + "00" * 20, owner], [])
    nft["topics"].append(f"0x{token:064x}")
    kinds = ["uint128", "uint256", "uint256"]
    grown = fake.log(manager, topics.INCREASE_LIQUIDITY, [], kinds, 10**18, 5, 6)
    grown["topics"].append(f"0x{token:064x}")
    return [made, nft, grown]


@pytest.mark.parametrize(
    ("owners", "count"), [((ANA, BO, CY), 3), ((ANA, BO, ANA), 2), ((None, None, None), 3)]
)
@pytest.mark.parametrize("manager", [MANAGER, UNISWAP_MANAGER])
def test_positions_through_the_manager_are_their_owners(
    owners: tuple[str | None, ...], count: int, manager: str
) -> None:
    bench = Bench()
    for token, owner in enumerate(owners, start=1):
        last = bench.block({"logs": mint(token, owner, manager)})
    assert bench.value(exchange.liquidity_providers, pool="V3") == count
    assert bench.value(exchange.liquidity_events, pool="V3", kind="mint") == 3
    bench.retract(last)
    assert bench.value(exchange.liquidity_providers, pool="V3") == min(count, 2)


def test_a_malformed_log_counts_once_and_spoils_nothing() -> None:
    bench = Bench()
    broken = {**fake.sync(1, 1), "data": "0x00"}
    bad_mint = {**mint(1, None)[0], "data": "0x"}
    bench.block({"logs": [broken, bad_mint, *mint(2, BO), fake.sync(10, 6_000)]})
    assert bench.value(exchange.events_malformed, address=PAIR) == 1
    assert bench.value(exchange.events_malformed, address=POOL) == 1
    assert bench.value(exchange.liquidity_providers, pool="V3") == 1
    assert bench.value(exchange.pool_price, pool="WBNB/USDT") == 600


def test_impermanent_loss_is_measured_from_the_declared_entry() -> None:
    """A restart in another market does not set everybody's loss to nothing."""
    for _ in range(2):
        bench = Bench()
        bench.block({"logs": [fake.sync(1_000, 2_400_000)]})
        assert bench.value(exchange.impermanent_loss, pool="WBNB/USDT") == pytest.approx(-0.2)
    assert bench.value(exchange.impermanent_loss, pool="V3") is None


def test_price_impact_is_measured_against_what_lay_in_the_pair() -> None:
    """A token may tax the pair for what it pays out, and the swap's event says nothing of it."""
    bench = Bench()
    bench.block({"logs": [fake.sync(1_000, 600_000)]})
    bench.block({"logs": [fake.sync(910, 594_100), fake.sale(10, 5_900)]})
    impact = bench.value(exchange.price_impact_ratio, pool="WBNB/USDT")
    assert impact.sum == pytest.approx(9.975 / 1_009.975)
