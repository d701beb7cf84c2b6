"""Prices are walked from pegs through deep pools; no single pool decides or vouches for much."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.market.prices import (
    MAX_HOPS,
    NOTIONAL,
    PoolView,
    Price,
    holding_usd,
    trade_usd,
    walk,
)

LEAST = Decimal(1_000)
PEG = {"USDT": Decimal(1)}


def view(
    token0: str, token1: str, price: float, usd: float, *, usd1: float | None = None
) -> PoolView:
    """A pool whose token1 is worth a dollar, with so many dollars on each side."""
    deep, paid = Decimal(str(usd)), Decimal(str(price))
    return PoolView(token0, token1, paid, deep / paid, deep if usd1 is None else Decimal(usd1))


def priced(*pools: PoolView) -> dict[str, Price]:
    return walk(PEG, pools, least_usd=LEAST)


def test_prices_go_through_pools() -> None:
    cake = PoolView("CAKE", "WBNB", Decimal("0.005"), Decimal(200_000), Decimal(1_000))
    found = priced(view("WBNB", "USDT", 600, 6_000_000), cake)
    assert (found["WBNB"].usd, found["WBNB"].hops) == (600, 1)
    assert (found["CAKE"].usd, found["CAKE"].hops) == (3, 2)
    assert found["CAKE"].depth_usd == 600_000


def test_a_thin_pool_cannot_set_the_price_that_a_deep_one_gives() -> None:
    thin, deep = view("WBNB", "USDT", 9_999, 5_000), view("WBNB", "USDT", 600, 6_000_000)
    for pools in ([thin, deep], [deep, thin]):
        assert priced(*pools)["WBNB"].usd == 600
        assert priced(*pools)["WBNB"].spread == 0


def test_a_thin_direct_pool_gives_way_to_a_deep_path() -> None:
    """The nearest pool is not the best one: the dollars decide."""
    direct = view("CAKE", "USDT", 50, 2_000)
    deep = PoolView("CAKE", "WBNB", Decimal("0.005"), Decimal(200_000), Decimal(1_000))
    assert priced(direct, deep, view("WBNB", "USDT", 600, 6_000_000))["CAKE"].usd == 3


@pytest.mark.parametrize("usd", [0, 1e-12, 999])
def test_a_pool_without_depth_sets_no_price(usd: float) -> None:
    assert priced(view("TOKEN", "USDT", 3e20, 1, usd1=usd)).keys() == {"USDT"}


@given(st.floats(1e-6, 1e6), st.sampled_from([0, 1, 2]))
def test_a_wrong_price_of_the_deepest_of_three_pools_is_outvoted(factor: float, liar: int) -> None:
    honest, depths = 600.0, [9e6, 2e6, 1e6]
    pools = [
        view("WBNB", "USDT", honest * (factor if place == liar else 1 + place / 1_000), depth)
        for place, depth in enumerate(depths)
    ]
    found = priced(*pools)["WBNB"]
    assert Decimal(honest) <= found.usd <= Decimal("1.002") * Decimal(honest)
    assert found.spread >= Decimal(max(factor, 1 / factor)) * Decimal("0.997") - 1


def test_a_token_cannot_be_priced_by_the_pool_that_it_prices() -> None:
    """Somebody's token, made deep by a price that only it claims, lends its depth to nobody."""
    claim = view("SCAM", "USDT", 1_000_000, 2_000)
    lever = PoolView("SCAM", "WBNB", Decimal(1), Decimal(10**9), Decimal(10**9))
    honest = view("WBNB", "USDT", 600, 6_000_000)
    assert priced(claim, lever, honest)["WBNB"].usd == 600
    # Even alone it counts with no more than the dollars behind its own price.
    assert priced(claim, lever)["WBNB"].depth_usd <= 2_000


def test_what_is_not_connected_or_too_far_has_no_price() -> None:
    chain = [PoolView(f"T{i}", f"T{i + 1}", Decimal(1), *[Decimal(10**6)] * 2) for i in range(8)]
    far = PoolView("X", "Y", Decimal(1), *[Decimal(10**6)] * 2)
    found = walk({"T0": Decimal(1)}, [*chain, far], least_usd=LEAST)
    assert set(found) == {f"T{i}" for i in range(MAX_HOPS + 1)}


def test_a_trade_is_valued_by_the_side_nearer_to_a_peg() -> None:
    prices = {"USDT": Price(Decimal(1), 0), "CAKE": Price(Decimal(5), 2, Decimal(10**6))}
    assert trade_usd(("CAKE", Decimal(100)), ("USDT", Decimal(490)), prices) == 490
    assert trade_usd(("X", Decimal(1)), ("Y", Decimal(1)), prices) is None
    assert trade_usd(("X", Decimal(1)), ("CAKE", Decimal(2)), prices) == 10


def test_a_trade_beyond_the_depth_of_its_price_has_no_value() -> None:
    prices = {"CAKE": Price(Decimal(5), 2, Decimal(1_000)), "WBNB": Price(Decimal(600), 3)}
    assert trade_usd(("CAKE", Decimal(201)), ("X", Decimal(1)), prices) is None
    # Nor one whose sides say quite different things.
    assert trade_usd(("CAKE", Decimal(200)), ("WBNB", Decimal("0.1")), prices) is None


def test_a_holding_is_bounded_by_what_stands_behind_its_price() -> None:
    prices = {"CAKE": Price(Decimal(5), 1, Decimal(1_000)), "USDT": Price(Decimal(1), 0)}
    assert holding_usd("CAKE", Decimal(100), prices) == 500
    assert holding_usd("CAKE", Decimal(1_000 * NOTIONAL), prices) is None
    assert holding_usd("USDT", Decimal(10**12), prices) == 10**12
    assert holding_usd("X", Decimal(1), prices) is None


_NAMES = st.sampled_from("ABCDEF")
_AMOUNTS = st.decimals(0, 10**12, places=6)
_VIEWS = st.builds(PoolView, _NAMES, _NAMES, st.decimals("-1", "1e30"), _AMOUNTS, _AMOUNTS)
_PEGS = st.dictionaries(_NAMES, st.decimals("0.01", 100, places=2), max_size=2)


@given(st.lists(_VIEWS, max_size=12), _PEGS)
def test_any_pools_give_finite_prices_and_keep_the_pegs(
    pools: list[PoolView], pegs: dict[str, Decimal]
) -> None:
    found = walk(pegs, pools, least_usd=LEAST)
    assert all(found[token] == Price(usd, 0) for token, usd in pegs.items())
    for token, price in found.items():
        assert price.usd.is_finite()
        assert price.usd > 0
        assert price.hops <= MAX_HOPS
        assert token in pegs or LEAST <= price.depth_usd < Decimal("Infinity")


@given(st.lists(_VIEWS, max_size=8), _PEGS, st.lists(_VIEWS, max_size=4))
def test_pools_below_the_least_depth_change_nothing(
    pools: list[PoolView], pegs: dict[str, Decimal], thin: list[PoolView]
) -> None:
    found = walk(pegs, pools, least_usd=LEAST)
    dust = [PoolView(v.token0, v.token1, v.price, Decimal(0), Decimal(0)) for v in thin]
    assert walk(pegs, [*dust, *pools, *dust], least_usd=LEAST) == found
