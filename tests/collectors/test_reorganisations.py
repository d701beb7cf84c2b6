"""A dropped block takes everything back that it brought, and its replacement counts once."""

from typing import Any

import pytest

from dexwatch.evm import topics
from dexwatch.evm.block import BlockRef
from dexwatch.evm.events import V3Mint
from dexwatch.market.history import PoolHistory, PoolState
from dexwatch.metrics import chain, exchange
from dexwatch.metrics.sample import Distribution
from tests.collectors.test_market_attacks import V3_SWAP
from tests.fakes import pools as fake
from tests.fakes.bench import Bench
from tests.fakes.pools import POOL, UNIT

ROOT = int(600**0.5 * 2**96)
WHALE = {"logs": [fake.sync(1_166, 514_579), fake.sale(166, 85_421)]}
PAIR_NAME = {"pool": "WBNB/USDT"}


def v3_sale(root: int) -> dict[str, Any]:
    amounts = UNIT, -599 * UNIT, root, 10**24, 0, 0, 0
    return fake.log(POOL, topics.PANCAKE_V3_SWAP, [fake.ANA, fake.ANA], V3_SWAP, *amounts)


def gauges(bench: Bench) -> dict[tuple[str, tuple[str, ...]], Any]:
    return {
        (sample.metric.name, tuple(sample.labels.values())): sample.value
        for sample in bench.watch.samples()
        if sample.metric.kind.value == "gauge" and sample.metric.name.startswith("dex_")
    }


def started() -> Bench:
    bench = Bench()
    bench.tell(POOL, PoolState(100_000 * UNIT, 60_000_000 * UNIT, ROOT, 0, 10**24))
    bench.block({"logs": [fake.sync(1_000, 600_000)]})
    return bench


def test_every_gauge_is_what_it_was_before_the_dropped_blocks() -> None:
    bench = started()
    before = gauges(bench)
    dropped = [
        bench.block(WHALE, {"logs": [v3_sale(ROOT // 2)]}),
        bench.block({"logs": [fake.lp_transfer("0x" + "00" * 20, fake.ANA, 5)]}),
    ]
    assert gauges(bench) != before
    bench.retract(*reversed(dropped))
    assert gauges(bench) == before


def test_the_same_swap_in_the_replacing_block_counts_once() -> None:
    bench = started()
    bench.retract(bench.block(WHALE))
    bench.block(WHALE)
    assert bench.value(exchange.swaps, **PAIR_NAME) == 1
    assert bench.value(exchange.volume_usd, **PAIR_NAME) == pytest.approx(85_421)
    assert bench.value(exchange.high_value_swaps, **PAIR_NAME) == 1
    size = bench.value(exchange.swap_size_usd, **PAIR_NAME)
    assert isinstance(size, Distribution)
    assert (size.total, size.sum) == (1, pytest.approx(85_421))
    assert bench.value(exchange.tvl_usd, **PAIR_NAME) == pytest.approx(2 * 514_579)


def test_a_swap_that_never_comes_back_is_made_up_for() -> None:
    bench = started()
    bench.retract(bench.block(WHALE))
    for _ in range(3):
        bench.block({"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})
    assert bench.value(exchange.swaps, **PAIR_NAME) == 3
    # Still what the dropped block showed: three of these are not as much yet.
    assert bench.value(exchange.volume_usd, **PAIR_NAME) == pytest.approx(85_421)
    for _ in range(17):
        bench.block({"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})
    assert bench.value(exchange.volume_usd, **PAIR_NAME) == pytest.approx(20 * 5_900)


def test_an_answer_about_an_older_block_adds_no_event_twice() -> None:
    bench = started()
    asked = bench.block()
    bench.block({"logs": [v3_sale(ROOT)]})
    bench.tell(POOL, PoolState(50 * UNIT, 30_000 * UNIT, ROOT, 0, 10**24), asked)
    bench.block()
    state = bench.pool(POOL).state
    assert (state.amount0, state.amount1) == (51 * UNIT, (30_000 - 599) * UNIT)


def test_an_answer_about_a_dropped_block_is_not_taken() -> None:
    bench = started()
    before = bench.pool(POOL).state
    dropped = bench.block()
    bench.retract(dropped)
    bench.tell(POOL, PoolState(1, 1, 1, 0, 1), dropped)
    bench.block()
    assert bench.pool(POOL).state == before


def test_after_a_reset_nothing_old_is_shown() -> None:
    bench = started()
    last: BlockRef = bench.block({"logs": [fake.lp_transfer("0x" + "00" * 20, fake.ANA, 5)]})
    bench.reset(last)
    assert bench.value(exchange.tvl_usd, **PAIR_NAME) is None
    assert bench.value(exchange.pool_price, pool="V3") is None
    assert bench.value(exchange.token_price_usd, token="WBNB") is None
    assert bench.value(exchange.liquidity_providers, **PAIR_NAME) == 0
    bench.block({"logs": [fake.sync(1_000, 600_000)]})
    assert bench.value(exchange.tvl_usd, **PAIR_NAME) == pytest.approx(1_200_000)


def test_an_answer_may_be_about_the_very_block_that_is_being_taken() -> None:
    """A long block is taken in a thread of its own, and answers come meanwhile."""
    history = PoolHistory()
    history.refresh(7, PoolState(100, 100, 1, 0, 1))
    history.apply(7, V3Mint(fake.ANA, -1, 1, 1, 50, 50))
    assert history.state.amount0 == 100
    history.apply(8, V3Mint(fake.ANA, -1, 1, 1, 50, 50))
    assert history.state.amount0 == 150


def test_transactions_of_a_dropped_block_are_counted_once() -> None:
    bench = Bench()
    bench.retract(bench.block({}, {"status": "0x0"}))
    bench.block({}, {"status": "0x0"}, {})
    assert bench.value(chain.transactions, outcome="success") == 2
    assert bench.value(chain.transactions, outcome="reverted") == 1


def test_calls_of_a_dropped_block_are_counted_once() -> None:
    bench = Bench()
    call = {"to": fake.ROUTER, "body": {"input": "0x"}}
    bench.retract(bench.block(call))
    bench.block(call)
    labels = {"contract": "router", "method": "other", "outcome": "success"}
    assert bench.value(exchange.contract_calls, **labels) == 1
    assert bench.value(exchange.contract_gas, contract="router") == 21_000
