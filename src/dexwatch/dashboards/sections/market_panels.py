"""The market's side of Trading Performance: volume, liquidity, execution."""

from functools import partial

from dexwatch.dashboards.board import Level, Panel, PanelKind, Query, Threshold
from dexwatch.dashboards.queries import increase, mean, one, quantile, quantiles, rate, success
from dexwatch.metrics import day_sums, exchange, platform
from dexwatch.metrics.metric import Unit

POOL_EMPTY = "No swap was seen in the configured pools yet; check dex.pools and the chain targets."
TRADE_EMPTY = (
    "The platform reported no trade: a quiet market, or its API is not scraped; check Targets."
)
FEED_EMPTY = "No market data feed reports; check the platform's feeds."
TREND = 60
"""Seconds between refreshes of trends, as the requirement asks; the rest follows the board."""

panel = partial(Panel, empty=POOL_EMPTY)
stat = partial(panel, kind=PanelKind.STAT, width=2)

TRADE_SUCCESS = Panel(
    "trade-success",
    "Trade success",
    one(success(platform.trades, 'outcome="success"')),
    Unit.RATIO,
    "Above 98%.",
    ("M-TRADE-OK", "A-P0-TRADE-OK"),
    empty=TRADE_EMPTY,
    thresholds=(
        Threshold(0.98, Level.WARNING, "traders notice", below=True),
        Threshold(0.9, Level.CRITICAL, "trading is broken for many", below=True),
    ),
    kind=PanelKind.STAT,
    width=3,
)

VOLUME = (
    stat(
        "volume-24h",
        "Volume, 24 h",
        one(f"sum({day_sums.volume_usd})"),
        Unit.USD,
        "Grows with the market; compare it with the trend below.",
        ("M-TRADE-VOLUME",),
    ),
    stat(
        "volume-rate",
        "Volume per minute",
        one(rate(exchange.volume_usd, per=60)),
        Unit.USD,
        "Above half of the usual volume; a sharp fall means that traders cannot or will not trade.",
        ("M-TRADE-VOLUME",),
    ),
    stat(
        "swaps-rate",
        "Swaps per minute",
        one(rate(exchange.swaps, per=60)),
        Unit.PER_MINUTE,
        "Never zero while the market is awake.",
        ("M-TRADE-PAIRS", "M-APP-TRADE"),
    ),
    stat(
        "trade-size",
        "Average trade",
        one(mean(exchange.swap_size_usd)),
        Unit.USD,
        "Stable; a jump means that a few large traders dominate.",
        ("M-TRADE-SIZE",),
    ),
    stat(
        "tvl",
        "Total value locked",
        one(f"sum({exchange.tvl_usd})"),
        Unit.USD,
        "Steady or growing; a fast fall means that liquidity is leaving.",
        ("M-LP-TVL",),
    ),
    stat(
        "fees",
        "Fees, 24 h",
        one(f"sum({day_sums.fees_usd})"),
        Unit.USD,
        "Follows the volume.",
        ("M-REVENUE",),
    ),
    panel(
        "volume-pair",
        "Volume per minute by pair",
        one(rate(exchange.volume_usd, by=("pool",), per=60), "{{pool}}"),
        Unit.USD,
        "Every pair trades; one that falls to zero alone has lost its liquidity or its price.",
        ("M-TRADE-VOLUME", "M-TRADE-PAIRS"),
        width=8,
        stacked=True,
    ),
    panel(
        "market-share",
        "Share of volume, 1 h",
        one(
            (
                f"sum by (pool) (increase({exchange.volume_usd}[1h])) / ignoring (pool)"
                f" group_left () (sum(increase({exchange.volume_usd}[1h])) > 0)"
            ),
            "{{pool}}",
        ),
        Unit.RATIO,
        "No single pair carries the exchange.",
        ("M-TRADE-PAIRS",),
        kind=PanelKind.BARS,
        refresh_seconds=TREND,
    ),
    panel(
        "high-value",
        "High-value swaps, 1 h",
        one(increase(exchange.high_value_swaps, by=("pool",), window="1h"), "{{pool}}"),
        Unit.COUNT,
        "A few; each one above dex.high_value_usd is announced by an alert.",
        ("M-TRADE-SIZE", "A-CH-WHALE"),
        kind=PanelKind.BARS,
        decimals=0,
        width=3,
    ),
    Panel(
        "price",
        "Token price",
        one(f"sum by (token) ({exchange.token_price_usd})", "{{token}}"),
        Unit.USD,
        "Follows the outside market; a step in one block is an attack or a whale.",
        ("M-TRADE-PAIRS", "A-CH-WHALE"),
        empty="No pool leads to a token with a known dollar value; check dex.pools.",
        width=3,
    ),
    Panel(
        "price-spread",
        "Pools apart in a token's price",
        one(f"max by (token) ({exchange.price_spread_ratio})", "{{token}}"),
        Unit.RATIO,
        "Below one or two per cent: whoever trades between the pools closes any more.",
        ("M-TRADE-PAIRS",),
        empty="No token's price is set by two deep pools; check dex.pools.",
        thresholds=(Threshold(0.05, Level.WARNING, "a pool is stale, or its price is bent"),),
        width=3,
    ),
    panel(
        "liquidity",
        "TVL by pool",
        one(f"sum by (pool) ({exchange.tvl_usd})", "{{pool}}"),
        Unit.USD,
        "Steady; liquidity does not leave without a reason.",
        ("M-LP-TVL",),
        refresh_seconds=TREND,
        stacked=True,
        width=3,
    ),
    panel(
        "pools",
        "Pools",
        (
            Query(f"sum by (pool) ({exchange.tvl_usd})", "{{pool}}"),
            Query(increase(exchange.volume_usd, by=("pool",), window="1h"), "{{pool}}"),
            Query(
                (f"sum by (pool) ({day_sums.volume_usd}) / sum by (pool) ({exchange.tvl_usd} > 0)"),
                "{{pool}}",
            ),
            Query(f"sum by (pool) ({exchange.liquidity_providers})", "{{pool}}"),
            Query(increase(exchange.fees_usd, by=("pool",), window="1h"), "{{pool}}"),
            Query(f"max by (pool) ({exchange.tokens_unpriced})", "{{pool}}"),
            Query(increase(exchange.swaps_unpriced, by=("pool",), window="1h"), "{{pool}}"),
        ),
        Unit.USD,
        "Each pool has liquidity providers (LPs), and is used.",
        ("M-LP-TVL", "M-LP-COUNT", "M-LP-UTIL", "M-TRADE-VOLUME"),
        kind=PanelKind.TABLE,
        refresh_seconds=TREND,
        width=12,
        columns=(
            ("TVL", Unit.USD),
            ("Volume, 1 h", Unit.USD),
            ("Volume, 24 h / TVL", Unit.RATIO),
            ("LPs", Unit.COUNT),
            ("Fees, 1 h", Unit.USD),
            ("Tokens without a price", Unit.COUNT),
            ("Swaps without a value, 1 h", Unit.COUNT),
        ),
        limit=20,
    ),
)

EXECUTION = (
    Panel(
        "execution",
        "Trade execution time",
        quantiles(platform.trade_seconds, 0.5, 0.95),
        Unit.SECONDS,
        "Two or three blocks: about one and a half seconds.",
        ("M-TRADE-EXEC", "M-ENGINE-ORDER"),
        empty=TRADE_EMPTY,
        thresholds=(Threshold(5, Level.WARNING, "traders give up and try again"),),
    ),
    panel(
        "impact",
        "Price impact",
        quantiles(exchange.price_impact_ratio, 0.5, 0.95),
        Unit.RATIO,
        "Well below one per cent; more means that trades outgrow the liquidity.",
        ("M-TRADE-EXEC",),
        thresholds=(Threshold(0.05, Level.WARNING, "trades move the price they are paid at"),),
    ),
    Panel(
        "slippage",
        "Slippage against the quote",
        quantiles(exchange.slippage_ratio, 0.5, 0.95),
        Unit.RATIO,
        "Close to zero; a steady slippage of one sign is somebody trading before us.",
        ("M-TRADE-EXEC",),
        empty="No trade went through the platform's router; check dex.pools and chain.endpoints.",
        thresholds=(Threshold(0.02, Level.WARNING, "traders get clearly less than quoted"),),
        floor=None,
    ),
    panel(
        "impact-pool",
        "Price impact by pool, 95 of 100",
        one(quantile(0.95, exchange.price_impact_ratio, by=("pool",)), "{{pool}}"),
        Unit.RATIO,
        "Even; the pool that stands out needs liquidity.",
        ("M-TRADE-EXEC", "M-LP-UTIL"),
        kind=PanelKind.BARS,
        refresh_seconds=TREND,
    ),
    Panel(
        "market-latency",
        "Market data delay, 95 of 100",
        one(quantile(0.95, platform.market_seconds, by=("feed",)), "{{feed}}"),
        Unit.SECONDS,
        "Below one block.",
        ("M-ENGINE-MARKET",),
        empty=FEED_EMPTY,
    ),
    Panel(
        "market-deviation",
        "Market data against pool price",
        one(f"max by (feed) (abs({platform.market_deviation}))", "{{feed}}"),
        Unit.RATIO,
        "Within one per cent; more means a wrong feed or an arbitrage chance.",
        ("M-ENGINE-MARKET",),
        empty=FEED_EMPTY,
        thresholds=(Threshold(0.02, Level.WARNING, "quotes are off the market"),),
    ),
)
