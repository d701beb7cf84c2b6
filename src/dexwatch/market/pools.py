"""The mathematics of pools: amounts, prices, impact, slippage, fees, loss of providers.

Amounts are integers in the token's smallest unit unless a docstring says otherwise; fees are in
basis points (25 is 0.25 %).
Constant product: Uniswap V2 core, `UniswapV2Pair.swap`, and PancakeSwap's `PancakePair.swap`.
Concentrated liquidity: Uniswap V3 core white paper, section 6.
"""

from dataclasses import dataclass
from math import sqrt

from dexwatch.evm.events import V2Swap, V2Sync, V3Swap

Q96 = 1 << 96
BPS = 10_000


@dataclass(frozen=True, slots=True)
class Trade:
    """What went in and came out, seen from the trader; `zero_for_one` when token0 was sold."""

    amount_in: int
    amount_out: int
    zero_for_one: bool


def amount_out(amount_in: int, reserve_in: int, reserve_out: int, fee_bps: float) -> int:
    """Return what a constant-product pair pays for `amount_in`, rounded down as the contract does.

    out = in (10000 - f) Rout / (Rin 10000 + in (10000 - f)), Uniswap V2 library `getAmountOut`.
    """
    kept = amount_in * (BPS - int(fee_bps))
    below = reserve_in * BPS + kept
    return kept * reserve_out // below if below else 0


def v2_trade(swap: V2Swap) -> Trade:
    """Net the two sides of a swap: a pair may pay back some of the token that it received."""
    net0, net1 = swap.amount0_in - swap.amount0_out, swap.amount1_in - swap.amount1_out
    if net0 >= net1:
        return Trade(max(net0, 0), max(-net1, 0), zero_for_one=True)
    return Trade(max(net1, 0), max(-net0, 0), zero_for_one=False)


def v3_trade(swap: V3Swap) -> Trade:
    """Read a concentrated-liquidity swap; positive amounts went into the pool."""
    if swap.amount0 >= swap.amount1:
        return Trade(max(swap.amount0, 0), max(-swap.amount1, 0), zero_for_one=True)
    return Trade(max(swap.amount1, 0), max(-swap.amount0, 0), zero_for_one=False)


def reserves_before(sync: V2Sync, swap: V2Swap) -> tuple[int, int]:
    """Return the reserves before a swap, from the `Sync` that the pair emitted with it.

    The pair emits `Sync` with the reserves after, immediately before `Swap`.
    """
    return (
        sync.reserve0 - swap.amount0_in + swap.amount0_out,
        sync.reserve1 - swap.amount1_in + swap.amount1_out,
    )


def price_impact(amount_in: int, reserve_in: int, fee_bps: float) -> float:
    """Return the share of the price that a constant-product swap itself moved, without the fee.

    x / (Rin + x) with x the amount in after the fee: 1 - (out/in) / (mid (1 - fee)).
    """
    after_fee = amount_in * (1 - fee_bps / BPS)
    below = reserve_in + after_fee
    return after_fee / below if below > 0 else 0.0


def v3_price_impact(sqrt_before: int, sqrt_after: int) -> float:
    """Return the impact of a concentrated-liquidity swap from the root prices around it.

    Within one tick range the mean price is the product of the roots (V3 white paper, 6.2.3), so
    the mean falls short of the price before by 1 - min(a, b) / max(a, b).
    Crossing ranges of another liquidity makes this an approximation.
    """
    low, high = sorted((sqrt_before, sqrt_after))
    return 1 - low / high if low > 0 else 0.0


def v2_price(reserve0: int, reserve1: int, decimals0: int, decimals1: int) -> float | None:
    """Return how many token1 one token0 is worth, both in whole tokens; None for an empty pair."""
    if reserve0 <= 0 or reserve1 <= 0:
        return None
    return float(reserve1 / reserve0 * 10.0 ** (decimals0 - decimals1))


def v3_price(sqrt_price_x96: int, decimals0: int, decimals1: int) -> float | None:
    """Return how many token1 one token0 is worth: (sqrtPriceX96 / 2^96)^2 10^(d0 - d1).

    None for a pool without a price.
    """
    if sqrt_price_x96 <= 0:
        return None
    return float((sqrt_price_x96 / Q96) ** 2 * 10.0 ** (decimals0 - decimals1))


def slippage(received: int, quoted: int) -> float | None:
    """Return 1 - received / quoted: positive when the trader got less than the quote promised."""
    return 1 - received / quoted if quoted > 0 else None


def impermanent_loss(ratio: float) -> float:
    """Return the loss of a constant-product provider against holding, as a negative share.

    2 sqrt(r) / (1 + r) - 1, r the price ratio now to then; r = 2 gives -5.72 %, r = 4 gives -20 %.
    """
    return 2 * sqrt(ratio) / (1 + ratio) - 1 if ratio > 0 else -1.0


def fee(amount_in: int, fee_bps: float) -> float:
    """Return the fee that a trader pays, in units of the token that goes in."""
    return amount_in * fee_bps / BPS


def fee_apr(fees_per_day_usd: float, tvl_usd: float, *, provider_share: float = 1.0) -> float:
    """Return the yearly return of providers from fees, without compounding.

    On PancakeSwap V2 providers keep 17/25 of the fee.
    """
    return fees_per_day_usd * provider_share * 365 / tvl_usd if tvl_usd > 0 else 0.0


def apy(apr: float, periods: int = 365) -> float:
    """Return the yearly return when the gain is put back so many times a year."""
    return float((1 + apr / periods) ** periods - 1)
