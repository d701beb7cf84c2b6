"""What collectors make of blocks, without any network: calculated values, bounds, isolation."""

from collections.abc import Iterable
from typing import Literal

import pytest

from dexwatch.chain.calls import selector, topic
from dexwatch.collectors.registry import COLLECTORS
from dexwatch.evm import topics
from dexwatch.evm.sequence import Reorg
from dexwatch.market.history import PoolState
from dexwatch.market.positions import ZERO
from dexwatch.metrics import business, chain, exchange, own
from dexwatch.metrics.sample import Distribution, Sample
from tests.fakes import pools as fake
from tests.fakes.bench import Bench

PROVES = ("C-CUSTOM-EXP",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


def test_a_sale_on_a_pair_is_valued() -> None:
    bench = Bench()
    # 1,000 WBNB and 600,000 USDT before; 10 WBNB go in, 5,900 USDT come out.
    bench.block({"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})
    pool = {"pool": "WBNB/USDT"}
    assert bench.value(exchange.swaps, **pool) == 1
    # The side of the peg counts.
    assert bench.value(exchange.volume_usd, **pool) == pytest.approx(5_900)
    assert bench.value(exchange.fees_usd, **pool) == pytest.approx(5_900 * 0.0025)
    impact = bench.value(exchange.price_impact_ratio, **pool)
    assert impact.sum == pytest.approx(9.975 / 1_009.975)
    assert bench.value(exchange.pool_price, **pool) == pytest.approx(594_100 / 1_010)
    assert bench.value(exchange.tvl_usd, **pool) == pytest.approx(2 * 594_100)
    assert bench.value(exchange.token_price_usd, token="WBNB") == pytest.approx(594_100 / 1_010)
    assert bench.value(exchange.high_value_swaps, **pool) == 0
    bench.block({"logs": [fake.sync(1_110, 540_000), fake.sale(100, 54_100)]})
    assert bench.value(exchange.high_value_swaps, **pool) == 1
    assert bench.value(exchange.impermanent_loss, **pool) < 0


def test_a_pools_state_that_is_asked_for_while_no_block_comes_is_kept_once() -> None:
    bench = Bench()
    market = bench.watch.context.market
    before = market.version
    for held in range(1, 1_000):
        bench.tell(fake.POOL, PoolState(held, held))
    market.settle()
    assert market.version == before + 1
    assert bench.pool(fake.POOL).state.amount0 == 999


def test_a_collector_whose_reorganisation_failed_is_well_after_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    (broken,) = [r for r in bench.watch._running if r.collector.name == "transactions"]

    def fail(_: Reorg) -> None:
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as patched:
        patched.setattr(broken.collector, "on_reorg", fail)
        bench.retract(bench.block())
    bench.block()
    assert bench.value(own.collector_success, collector="transactions") == 0
    bench.retract(bench.block())
    bench.block()
    assert bench.value(own.collector_success, collector="transactions") == 1


def test_slippage_is_measured_against_the_routers_quote() -> None:
    bench = Bench()
    bench.block({"logs": [fake.traded(990, 1_000)]})
    slippage = bench.value(exchange.slippage_ratio, pool="WBNB/USDT")
    assert isinstance(slippage, Distribution)
    assert slippage.sum == pytest.approx(0.01)


def test_a_v3_swap_moves_price_and_balances() -> None:
    bench = Bench()
    root = int(600**0.5 * 2**96)
    told = PoolState(100 * fake.UNIT, 60_000 * fake.UNIT, root, 0, 10**24)
    bench.tell(fake.POOL, told)
    kinds = ["int256", "int256", "uint160", "uint128", "int24", "uint128", "uint128"]
    sale = fake.log(
        fake.POOL,
        topics.PANCAKE_V3_SWAP,
        [fake.ANA, fake.ANA],
        kinds,
        *(fake.UNIT, -599 * fake.UNIT, root, 10**24, 0, 0, 0),
    )
    bench.block({"logs": [sale]})
    assert bench.value(exchange.pool_price, pool="V3") == pytest.approx(600, rel=1e-6)
    assert bench.value(exchange.volume_usd, pool="V3") == pytest.approx(599)
    assert bench.pool(fake.POOL).state.amount0 == 101 * fake.UNIT
    assert bench.value(exchange.tvl_usd, pool="V3") == pytest.approx(101 * 600 + 60_000 - 599)


def test_liquidity_providers_are_counted_and_a_retraction_takes_them_back() -> None:
    bench = Bench()
    bo = "0x" + "0b" * 20
    bench.block({"logs": [fake.lp_transfer(ZERO, fake.ANA, 5)]})
    second = bench.block({"logs": [fake.lp_transfer(fake.ANA, bo, 2)]})
    assert bench.value(exchange.liquidity_providers, pool="WBNB/USDT") == 2
    bench.retract(second)
    bench.block()
    assert bench.value(exchange.liquidity_providers, pool="WBNB/USDT") == 1
    assert bench.value(chain.reorgs, depth="1") == 1
    bench.block({"logs": [fake.lp_transfer(fake.ANA, fake.PAIR, 5)]})
    assert bench.value(exchange.liquidity_providers, pool="WBNB/USDT") == 0


def test_liquidity_providers_are_bounded() -> None:
    bench = Bench(max_liquidity_positions=3)
    transfers = [fake.lp_transfer(ZERO, f"0x{i:040x}", 1) for i in range(1, 9)]
    bench.block({"logs": transfers})
    assert bench.value(exchange.liquidity_providers, pool="WBNB/USDT") == 3


def test_calls_of_a_contract_by_method_and_outcome() -> None:
    bench = Bench()
    swap = "0x" + selector("swap(address)").hex() + "00" * 32
    bench.block(
        {"to": fake.ROUTER, "body": {"input": swap}},
        {"to": fake.ROUTER, "status": "0x0", "body": {"input": swap}},
        {"to": fake.ROUTER, "body": {"input": "0x"}},
        {"to": fake.ANA},
    )
    calls = {"contract": "router"}
    assert bench.value(exchange.contract_calls, method="swap", outcome="success", **calls) == 1
    assert bench.value(exchange.contract_calls, method="swap", outcome="reverted", **calls) == 1
    assert bench.value(exchange.contract_calls, method="other", outcome="success", **calls) == 1
    assert bench.value(exchange.contract_gas, **calls) == 3 * 21_000
    assert bench.value(chain.transactions, outcome="success") == 3
    assert bench.value(chain.transactions, outcome="reverted") == 1


def test_changes_of_a_contract_are_counted_by_event() -> None:
    bench = Bench()
    paused = fake.log(fake.ROUTER, topics.PAUSED, [], ["address"], fake.ANA)
    own_event = topic("FeeChanged(uint256,uint256)")
    fee = fake.log(fake.ROUTER, own_event, [], ["uint256", "uint256"], 1, 2)
    for event in ("Paused", "FeeChanged"):
        # Prometheus sees an increase only from a value that it has seen before.
        assert bench.value(exchange.contract_changes, contract="router", event=event) == 0
    bench.block({"logs": [paused, fee]})
    for event in ("Paused", "FeeChanged"):
        assert bench.value(exchange.contract_changes, contract="router", event=event) == 1


def test_system_transactions_and_free_ones_do_not_change_the_metrics() -> None:
    bench = Bench()
    bench.block(
        {"to": f"0x{0x1000:040x}", "status": "0x0"},
        {"effectiveGasPrice": "0x0"},
        {"effectiveGasPrice": "0x64", "gasUsed": "0x1"},
        {"effectiveGasPrice": "0xc8", "gasUsed": "0x3"},
    )
    assert bench.value(chain.transactions, outcome="reverted") == 0
    assert bench.value(chain.transactions, outcome="success") == 3
    assert bench.value(chain.gas_price, source="paid") == pytest.approx(175)


def test_malformed_events_are_counted_and_skipped() -> None:
    bench = Bench()
    broken = {**fake.sync(1, 1), "data": "0x00"}
    bench.block({"logs": [broken, fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})
    assert bench.value(exchange.events_malformed, address=fake.PAIR) == 1
    assert bench.value(exchange.swaps, pool="WBNB/USDT") == 1


def test_a_failing_collector_is_counted_and_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    (broken,) = [r for r in bench.watch._running if r.collector.name == "transactions"]

    def fail(_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(broken.collector, "on_block", fail)
    bench.block()
    bench.block({"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})
    assert bench.value(own.collector_success, collector="transactions") == 0
    assert bench.value(own.collector_failures, collector="transactions") == 2
    assert bench.value(own.collector_success, collector="exchange") == 1
    assert bench.value(exchange.swaps, pool="WBNB/USDT") == 1
    monkeypatch.undo()
    bench.block()
    assert bench.value(own.collector_success, collector="transactions") == 1


def test_counters_never_fall_over_a_reorganisation() -> None:
    bench = Bench()
    before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for step in range(6):
        ref = bench.block({"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})
        if step % 2:
            bench.retract(ref)
        for sample in bench.watch.samples():
            if sample.metric.kind.value == "counter" and isinstance(sample.value, float | int):
                key = (sample.metric.name, tuple(sample.labels.items()))
                assert sample.value >= before.get(key, 0)
                before[key] = sample.value


@pytest.mark.parametrize(
    ("depth", "cause", "shown"),
    [
        (1, "reorg", "1"),
        (2, "reorg", "2"),
        (3, "reorg", "3-5"),
        (10, "reorg", "6-10"),
        (11, "reorg", "11-50"),
        (90, "reorg", "51+"),
        (1, "reset", "reset"),
        (64, "reset", "reset"),
    ],
)
def test_reorganisations_of_every_depth_are_counted(
    depth: int, cause: Literal["reorg", "reset"], shown: str
) -> None:
    bench = Bench()
    refs = [bench.block() for _ in range(depth)]
    bench.watch._on_reorg(Reorg(tuple(refs[::-1]), cause))
    # A shallow one within the same scrape hides nothing.
    bench.watch._on_reorg(Reorg((bench.block(),), "reorg"))
    found = {
        dict(sample.labels)["depth"]: sample.value
        for sample in bench.watch.samples()
        if sample.metric.name == chain.reorgs.name and sample.value
    }
    assert found == ({"1": 2} if shown == "1" else {"1": 1, shown: 1})
    assert bench.value(chain.reorg_blocks, cause="reset") == (depth if cause == "reset" else 0)


def test_no_series_is_given_twice() -> None:
    bench = Bench()
    bench.block({"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]})

    def keys(samples: Iterable[Sample]) -> list[tuple[str, tuple[str, ...]]]:
        return [(s.metric.name, tuple(s.labels[n] for n in s.metric.labels)) for s in samples]

    found = keys(bench.watch.samples())
    assert len(found) == len(set(found))


def test_the_catalogue_has_every_collector_once() -> None:
    names = [kind.name for kind in COLLECTORS]
    assert len(names) == len(set(names))
    assert business.query_value.labels == ("query",)
