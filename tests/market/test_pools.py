"""The formulas hold against the definitions that they are derived from."""

from math import isclose

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dexwatch.evm.events import V2Swap, V2Sync, V3Swap
from dexwatch.market import pools

RESERVE = st.integers(10**6, 2**112 - 1)
A = "0x" + "0a" * 20


@given(RESERVE, RESERVE, st.integers(1, 10**24), st.sampled_from([25, 30]))
def test_a_swap_never_takes_more_than_the_invariant_allows(
    reserve_in: int, reserve_out: int, amount: int, fee_bps: int
) -> None:
    out = pools.amount_out(amount, reserve_in, reserve_out, fee_bps)
    assert 0 <= out < reserve_out
    kept = amount * (10_000 - fee_bps)
    # The pair's own check: the product after the fee does not fall; one unit more would break it.
    assert (reserve_in * 10_000 + kept) * (reserve_out - out) >= reserve_in * reserve_out * 10_000
    assert (reserve_in * 10_000 + kept) * (
        reserve_out - out - 1
    ) < reserve_in * reserve_out * 10_000


@given(RESERVE, RESERVE, st.integers(1, 10**30), st.booleans())
def test_reserves_before_and_impact_follow_from_the_events_alone(
    reserve0: int, reserve1: int, amount: int, zero_for_one: bool
) -> None:
    sold, bought = (reserve0, reserve1) if zero_for_one else (reserve1, reserve0)
    out = pools.amount_out(amount, sold, bought, 25)
    assume(out > 10**6)
    swap = V2Swap(A, amount, 0, 0, out, A) if zero_for_one else V2Swap(A, 0, amount, out, 0, A)
    after = V2Sync(
        reserve0 + swap.amount0_in - swap.amount0_out,
        reserve1 + amount * (not zero_for_one) - swap.amount1_out,
    )
    assert pools.reserves_before(after, swap) == (reserve0, reserve1)
    trade = pools.v2_trade(swap)
    assert (trade.amount_in, trade.amount_out, trade.zero_for_one) == (amount, out, zero_for_one)
    # Impact by definition: what is lost against the mid price, the fee left aside.
    by_definition = 1 - (out / amount) / (bought / sold * 0.9975)
    assert isclose(pools.price_impact(amount, sold, 25), by_definition, abs_tol=1e-5)


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**30))
def test_a_v3_trade_goes_in_where_the_amount_is_positive(out: int, amount: int) -> None:
    assume(out < 0)
    swap = V3Swap(A, A, amount, out, 1, 1, 0)
    assert pools.v3_trade(swap) == pools.Trade(amount, -out, zero_for_one=True)
    swap = V3Swap(A, A, out, amount, 1, 1, 0)
    assert pools.v3_trade(swap) == pools.Trade(amount, -out, zero_for_one=False)


def test_v3_price_of_known_roots() -> None:
    assert pools.v3_price(pools.Q96, 18, 18) == 1.0
    assert pools.v3_price(2 * pools.Q96, 18, 18) == 4.0
    # One whole token of 6 decimals against 18: the raw price is 1e12.
    assert pools.v3_price(10**6 * pools.Q96, 6, 18) == pytest.approx(1.0)
    assert pools.v3_price(0, 18, 18) is None
    assert pools.v2_price(2 * 10**18, 600 * 10**6, 18, 6) == pytest.approx(300.0)
    assert pools.v2_price(0, 5, 18, 18) is None


@given(st.integers(1, 2**100), st.floats(0.5, 2))
def test_v3_impact_is_the_mean_price_against_the_price_before(root: int, move: float) -> None:
    # Selling token0 within one range: out/in = root before * root after, price before = root^2.
    after = max(int(root * move), 1)
    impact = pools.v3_price_impact(root, after)
    assert 0 <= impact < 1
    assert isclose(impact, 1 - min(root, after) / max(root, after))


@pytest.mark.parametrize(("ratio", "loss"), [(1, 0), (2, -0.0572), (4, -0.2), (0.25, -0.2)])
def test_impermanent_loss_of_known_ratios(ratio: float, loss: float) -> None:
    assert pools.impermanent_loss(ratio) == pytest.approx(loss, abs=1e-4)


@given(st.floats(1e-6, 1e6))
def test_impermanent_loss_is_symmetric_and_no_gain(ratio: float) -> None:
    assert pools.impermanent_loss(ratio) <= 1e-12
    assert isclose(pools.impermanent_loss(ratio), pools.impermanent_loss(1 / ratio), abs_tol=1e-9)


def test_slippage_and_returns() -> None:
    assert pools.slippage(99, 100) == pytest.approx(0.01)
    assert pools.slippage(101, 100) == pytest.approx(-0.01)
    assert pools.slippage(1, 0) is None
    assert pools.fee_apr(100.0, 36_500.0) == pytest.approx(1.0)
    assert pools.apy(0.10) == pytest.approx(0.1052, abs=1e-4)
