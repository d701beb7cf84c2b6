"""Prices are walked from pegs, deepest pool first, and never invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.market.prices import MAX_HOPS, PoolView, Price, locked_usd, trade_usd, walk


def test_prices_go_through_pools() -> None:
    found = walk(
        {"USDT": 1.0},
        [PoolView("WBNB", "USDT", 600.0, 10, 6_000), PoolView("CAKE", "WBNB", 0.005, 1_000, 5)],
    )
    assert found["WBNB"] == Price(600.0, 1)
    assert found["CAKE"].usd == pytest.approx(3.0)
    assert found["CAKE"].hops == 2


def test_a_thin_pool_cannot_set_the_price_that_a_deep_one_gives() -> None:
    thin = PoolView("WBNB", "USDT", 9_999.0, 0.001, 10.0)
    deep = PoolView("USDT", "WBNB", 1 / 600, 6_000_000, 10_000)
    for pools in ([thin, deep], [deep, thin]):
        assert walk({"USDT": 1.0}, pools)["WBNB"].usd == pytest.approx(600.0)


def test_what_is_not_connected_or_too_far_has_no_price() -> None:
    chain = [PoolView(f"T{i}", f"T{i + 1}", 1.0, 10, 10) for i in range(8)]
    found = walk({"T0": 1.0}, [*chain, PoolView("X", "Y", 1.0, 10, 10)])
    assert set(found) == {f"T{i}" for i in range(MAX_HOPS + 1)}


def test_a_trade_is_valued_by_the_side_nearer_to_a_peg() -> None:
    prices = {"USDT": Price(1.0, 0), "CAKE": Price(5.0, 2)}
    assert trade_usd(("CAKE", 100.0), ("USDT", 490.0), prices) == 490.0
    assert trade_usd(("X", 1.0), ("Y", 1.0), prices) is None
    assert locked_usd([("CAKE", 2.0), ("USDT", 3.0)], prices) == 13.0
    assert locked_usd([("CAKE", 2.0), ("X", 3.0)], prices) is None


_NAMES = st.sampled_from("ABCDEF")
_AMOUNTS = st.floats(0, 1e12)


@given(
    st.lists(st.builds(PoolView, _NAMES, _NAMES, st.floats(-1, 1e30), _AMOUNTS, _AMOUNTS)),
    st.dictionaries(_NAMES, st.floats(0.01, 100), max_size=2),
)
def test_any_pools_give_finite_prices_and_keep_the_pegs(
    pools: list[PoolView], pegs: dict[str, float]
) -> None:
    found = walk(pegs, pools)
    assert all(found[token] == Price(usd, 0) for token, usd in pegs.items())
    assert all(0 <= price.usd < float("inf") and price.hops <= MAX_HOPS for price in found.values())
