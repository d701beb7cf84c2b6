"""Are prices known and current: their moves, swaps without a value, the market data feeds."""

from functools import partial

from dexwatch.metrics import exchange, platform
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import enough, latest_of
from dexwatch.metrics.scrape_class import CRITICAL, HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

market_data_rule = partial(AlertRule, component=Component.TRADING, scrape_class=CRITICAL)

PRICE_MOVED = market_data_rule(
    id="PriceMovedAbnormally",
    severity=Severity.P2,
    alert_group="price",
    value=lambda p: (
        f"max_over_time({exchange.pool_price}[{p.window(300, CRITICAL)}])"
        f" / min_over_time({exchange.pool_price}[{p.window(300, CRITICAL)}]) - 1"
    ),
    threshold=0.1,
    unit=Unit.RATIO,
    why="Ten per cent within five minutes is an event by itself and may be over in the next.",
    summary=(
        "The price in {{ $labels.pool }} moved by {value} within {5m}; threshold {threshold}."
    ),
    description="Highest over lowest price of the pool within {5m}.",
    runbook=Runbook(
        meaning="A market shock, a whale, or somebody who bends the price on purpose.",
        check=("Compare with other exchanges.", "Look at the largest swaps in the pool."),
        fix=("Suspend what relies on this price as an oracle.",),
        escalate="Call the trading lead when other markets do not move alike.",
    ),
    requirements=("A-CH-WHALE",),
)
MARKET_STALE = market_data_rule(
    id="MarketDataStale",
    severity=Severity.P1,
    alert_group="market-data",
    scrape_class=HIGH,
    value=lambda _: f"max by (feed) (time() - {platform.market_updated})",
    threshold=60,
    unit=Unit.SECONDS,
    for_seconds=15,
    why="Feeds update every few seconds; a minute of silence is a dead feed, not a quiet market.",
    summary="{{ $labels.feed }} has brought no price for {value}; the threshold is {threshold}.",
    description="Quotes are made from old prices.",
    runbook=Runbook(
        meaning="Whoever knows the true price trades against us.",
        check=("See whether the feed is connected.", "Look for errors of the feed's client."),
        fix=("Reconnect the feed.", "Switch to the other feed, or stop quoting."),
        escalate="Call the trading lead after five minutes.",
    ),
    requirements=("M-ENGINE-MARKET",),
)
FEED_LOST = state_rule(
    id="MarketDataDisconnected",
    severity=Severity.P2,
    component=Component.TRADING,
    alert_group="market-data",
    scrape_class=HIGH,
    value=latest_of(platform.market_connected, by="feed", scrape_class=HIGH),
    for_seconds=60,
    why="A reconnect takes seconds; after a minute nobody is coming back by himself.",
    summary="The market data feed {{ $labels.feed }} is not connected.",
    description="The feed's client has lost its connection.",
    runbook=MARKET_STALE.runbook,
    requirements=("M-ENGINE-MARKET",),
)


def _unpriced_share(profile: EvaluationProfile) -> str:
    window = profile.window(1800, CRITICAL)
    unknown = f"sum(increase({exchange.swaps_unpriced}[{window}]))"
    return f"{unknown} / (sum(increase({exchange.swaps}[{window}])) > 0)"


SWAPS_UNPRICED = market_data_rule(
    id="SwapsWithoutPrice",
    severity=Severity.P3,
    alert_group="price-unknown",
    value=_unpriced_share,
    threshold=0.2,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, str(exchange.swaps), 50, seconds=1800, scrape_class=CRITICAL),
    for_seconds=300,
    keep_firing_seconds=600,
    why=(
        "A small pool without a path to a peg is daily life. One swap in five without a value over"
        " half an hour means that volume and liquidity are told too low."
    ),
    summary="{value} of the swaps have no known value; the threshold is {threshold}.",
    description="No deep enough path of pools leads from these tokens to a pegged one.",
    runbook=Runbook(
        meaning="Volume, TVL and fees look smaller than they are; so do the alerts on them.",
        check=(
            "See on Trading Performance, at Pools, which tokens have no price.",
            "See whether liquidity left the pools that set their prices.",
        ),
        fix=(
            "Add a pool that leads to a pegged token to dex.pools.",
            "Lower dex.min_price_depth_usd where small pools are trusted.",
        ),
        escalate="Tell the trading lead within the day.",
    ),
    requirements=("M-TRADE-VOLUME",),
)

MARKET_DATA_ALERTS = declared(AlertRule, globals())
