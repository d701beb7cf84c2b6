"""The mathematics of pools: amounts, prices, impact, slippage, fees, impermanent loss.

Amounts are integers in the token's smallest unit unless a docstring says otherwise; fees are in
basis points (25 is 0.25%), exact to a hundredth of one; prices and shares are Decimal.
Constant product: Uniswap V2 core, `UniswapV2Pair.swap`, and PancakeSwap's `PancakePair.swap`.
Concentrated liquidity: Uniswap V3 core white paper, section 6, and PancakeSwap V3 core.
"""

from dataclasses import dataclass
from decimal import Decimal

from dexwatch.evm.events import V2Swap, V2Sync, V3Swap

Q96 = 1 << 96
MILLION = 1_000_000
"""Fees are counted in millionths of the amount in, the unit of V3's `fee()`."""
MIN_ROOT = 4_295_128_739
MAX_ROOT = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
"""The bounds of a V3 pool's root price: `MIN_SQRT_RATIO` and `MAX_SQRT_RATIO` of `TickMath`."""


@dataclass(frozen=True, slots=True)
class Trade:
    """What went in and came out, seen from the trader; `zero_for_one` when token0 was sold."""

    amount_in: int
    amount_out: int
    zero_for_one: bool


def amount_out(amount_in: int, reserve_in: int, reserve_out: int, fee_bps: float | Decimal) -> int:
    """Return what a constant-product pair pays for `amount_in`, rounded down as the contract does.

    out = in (1 - f) Rout / (Rin + in (1 - f)), Uniswap V2 library `getAmountOut`.
    """
    kept = amount_in * (MILLION - _millionths(fee_bps))
    below = reserve_in * MILLION + kept
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


def v3_reserves(
    liquidity: int, root: int, *, low: int = MIN_ROOT, high: int = MAX_ROOT
) -> tuple[int, int]:
    """Return the amounts of token0 and token1 that liquidity between two root prices holds.

    Roots are sqrtPriceX96. dx = L (1/sqrt(p) - 1/sqrt(pb)), dy = L (sqrt(p) - sqrt(pa)): white
    paper 6.29 and 6.30, rounded down as `SqrtPriceMath.getAmount0Delta` and `getAmount1Delta` do.
    Over all prices these are the virtual reserves: what the liquidity in range trades like.
    """
    at = min(max(root, low), high)
    amount0 = ((liquidity << 96) * (high - at) // high) // at
    return amount0, liquidity * (at - low) // Q96


def price_impact(amount_in: int, reserve_in: int, fee_bps: float | Decimal) -> Decimal:
    """Return the share of the price that a constant-product swap itself moved, without the fee.

    x / (Rin + x) with x the amount in after the fee: 1 - (out/in) / (mid (1 - fee)).
    """
    after_fee = amount_in * (MILLION - _millionths(fee_bps))
    below = reserve_in * MILLION + after_fee
    return Decimal(after_fee) / below if below > 0 else Decimal(0)


def v3_price_impact(root_before: int, root_after: int) -> Decimal:
    """Return the impact of a concentrated-liquidity swap from the root prices around it.

    Within one tick range the mean price is the product of the roots (V3 white paper, 6.2.3), so
    the mean falls short of the price before by 1 - min(a, b) / max(a, b).
    Crossing ranges of another liquidity makes this an approximation.
    """
    low, high = sorted((root_before, root_after))
    return 1 - Decimal(low) / high if low > 0 else Decimal(0)


def v2_price(reserve0: int, reserve1: int, decimals0: int, decimals1: int) -> Decimal | None:
    """Return how many token1 one token0 is worth, both in whole tokens; None for an empty pair."""
    if reserve0 <= 0 or reserve1 <= 0:
        return None
    return (Decimal(reserve1) / reserve0).scaleb(decimals0 - decimals1)


def v3_price(root: int, decimals0: int, decimals1: int) -> Decimal | None:
    """Return how many token1 one token0 is worth: (sqrtPriceX96 / 2^96)^2 10^(d0 - d1).

    None for a pool without a price.
    """
    if root <= 0:
        return None
    return (Decimal(root * root) / (Q96 * Q96)).scaleb(decimals0 - decimals1)


def slippage(received: int, quoted: int) -> Decimal | None:
    """Return 1 - received / quoted: positive when the trader got less than the quote promised."""
    return 1 - Decimal(received) / quoted if quoted > 0 else None


def impermanent_loss(ratio: Decimal) -> Decimal:
    """Return the loss of liquidity in a constant-product pair against holding, a negative share.

    2 sqrt(r) / (1 + r) - 1, r the price ratio now to entry; r = 2 gives -5.72%, r = 4 -20%.
    """
    return 2 * ratio.sqrt() / (1 + ratio) - 1 if ratio > 0 else Decimal(-1)


def fee(amount_in: int, fee_bps: float | Decimal) -> int:
    """Return the fee that a trader pays, in units of the token that goes in, rounded up."""
    return -(-amount_in * _millionths(fee_bps) // MILLION)


def whole(amount: int, decimals: int) -> Decimal:
    """Return an amount in whole tokens."""
    return Decimal(amount).scaleb(-decimals)


def _millionths(fee_bps: float | Decimal) -> int:
    return round(fee_bps * 100)
