"""The formulas hold against the definitions that they are derived from."""

from decimal import Decimal
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
    assert pools.v3_price(10**6 * pools.Q96, 6, 18) == 1
    assert pools.v3_price(0, 18, 18) is None
    assert pools.v2_price(2 * 10**18, 600 * 10**6, 18, 6) == 300
    assert pools.v2_price(0, 5, 18, 18) is None


@given(st.integers(1, 2**100), st.floats(0.5, 2))
def test_v3_impact_is_the_mean_price_against_the_price_before(root: int, move: float) -> None:
    # Selling token0 within one range: out/in = root before * root after, price before = root^2.
    after = max(int(root * move), 1)
    impact = pools.v3_price_impact(root, after)
    assert 0 <= impact < 1
    assert isclose(impact, 1 - min(root, after) / max(root, after))


@given(st.integers(1, 2**112 - 1), st.integers(1, 2**112 - 1), st.integers(0, 36))
def test_a_pairs_price_goes_there_and_back(reserve0: int, reserve1: int, decimals: int) -> None:
    there = pools.v2_price(reserve0, reserve1, decimals, 18)
    back = pools.v2_price(reserve1, reserve0, 18, decimals)
    assert there is not None
    assert back is not None
    assert abs(there * back - 1) < Decimal("1e-25")


@given(st.integers(pools.MIN_ROOT, pools.MAX_ROOT))
def test_a_root_price_goes_there_and_back(root: int) -> None:
    price = pools.v3_price(root, 18, 18)
    assert price is not None
    assert abs(price.sqrt() * pools.Q96 / root - 1) < Decimal("1e-25")


@given(
    st.integers(0, 2**120),
    st.integers(pools.MIN_ROOT, pools.MAX_ROOT),
    st.integers(pools.MIN_ROOT, pools.MAX_ROOT - 1),
    st.integers(1, 2**100),
)
def test_liquidity_in_a_range_holds_one_token_outside_and_both_within(
    liquidity: int, root: int, low: int, width: int
) -> None:
    high = min(low + width, pools.MAX_ROOT)
    amount0, amount1 = pools.v3_reserves(liquidity, root, low=low, high=high)
    assert amount0 >= 0
    assert amount1 >= 0
    if root <= low:
        assert amount1 == 0
    if root >= high:
        assert amount0 == 0
    # Cut in two, a range holds what it held, but for what is rounded away.
    middle = min(max(root, low), high)
    if low < middle < high:
        below = pools.v3_reserves(liquidity, root, low=low, high=middle)
        above = pools.v3_reserves(liquidity, root, low=middle, high=high)
        assert 0 <= amount0 - below[0] - above[0] <= 1
        assert 0 <= amount1 - below[1] - above[1] <= 1


@given(st.integers(10**6, 2**100), st.integers(2**60, 2**130))
def test_over_all_prices_liquidity_is_a_constant_product(liquidity: int, root: int) -> None:
    amount0, amount1 = pools.v3_reserves(liquidity, root)
    assume(min(amount0, amount1) > 10**6)
    # x y = L^2, white paper 2.1; the bounds of the price cut off next to nothing.
    assert isclose(amount0 * amount1, liquidity**2, rel_tol=1e-5)
    assert isclose(amount1 / amount0, (root / pools.Q96) ** 2, rel_tol=1e-5)


def test_liquidity_of_a_known_position() -> None:
    # Uniswap V3 core's own test of SqrtPriceMath: one of liquidity from price 1 to 1.21.
    root, higher = pools.Q96, 87_150_978_765_690_771_352_898_345_369
    amounts = pools.v3_reserves(10**18, root, low=root, high=higher)
    assert amounts == (90_909_090_909_090_909, 0)
    amounts = pools.v3_reserves(10**18, higher, low=root, high=higher)
    assert amounts == (0, 99_999_999_999_999_999)


@pytest.mark.parametrize(
    ("fee_bps", "fee"), [(25, 2_500), (1, 100), (0.25, 25), (Decimal("2.5"), 250), (0, 0)]
)
def test_a_fee_is_exact_to_a_hundredth_of_a_basis_point(fee_bps: float, fee: int) -> None:
    assert pools.fee(10**6, fee_bps) == fee
    assert pools.fee(1, fee_bps) == (1 if fee else 0)
    assert pools.amount_out(10**6, 10**30, 10**30, fee_bps) == 10**6 - fee - 1


@pytest.mark.parametrize(("ratio", "loss"), [(1, 0), (2, -0.0572), (4, -0.2), (0.25, -0.2)])
def test_impermanent_loss_of_known_ratios(ratio: float, loss: float) -> None:
    assert float(pools.impermanent_loss(Decimal(ratio))) == pytest.approx(loss, abs=1e-4)


@given(st.decimals("1e-6", "1e6", places=6))
def test_impermanent_loss_is_symmetric_and_no_gain(ratio: Decimal) -> None:
    assert pools.impermanent_loss(ratio) <= Decimal("1e-25")
    there, back = pools.impermanent_loss(ratio), pools.impermanent_loss(1 / ratio)
    assert isclose(there, back, abs_tol=1e-20)


def test_slippage() -> None:
    assert pools.slippage(99, 100) == Decimal("0.01")
    assert pools.slippage(101, 100) == Decimal("-0.01")
    assert pools.slippage(1, 0) is None
