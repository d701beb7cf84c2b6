"""Do trades work: their success, their way onto the chain, volume, prices, market data."""

from dexwatch.metrics import chain, exchange, platform
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import enough, latest, quantile, share
from dexwatch.metrics.scrape_class import CRITICAL, HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, Runbook

BLIND_SECONDS = 3
"""Without a block for so long we do not see what is traded."""
SERVED = platform.trades.where('outcome=~"success|reverted|error"')

TRADES_FAIL = Runbook(
    meaning="Users' orders do not go through; some have paid gas for nothing.",
    check=(
        "See which outcome grows: reverted on chain, refused by us, or an error.",
        "See whether one pair or all of them fail.",
        "Look at the revert reasons, at the node's health and at the gas price.",
    ),
    fix=(
        "Switch to another node if transactions do not get in.",
        "Suspend the pair that fails.",
        "Roll back the latest change of routing or quoting.",
    ),
    escalate="Call the trading lead at once; the engineering lead after ten minutes.",
)

TRADING_SUCCESS = AlertRule(
    id="TradingSuccessLow",
    severity=Severity.P0,
    component=Component.TRADING,
    team="trading",
    alert_group="trade-success",
    group_priority=2,
    scrape_class=CRITICAL,
    value=lambda _: f"1 - {recorded.trades_unserved}",
    operator="<",
    threshold=0.9,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, SERVED, 20, scrape_class=CRITICAL),
    for_seconds=0,
    keep_firing_seconds=120,
    why=(
        "Twenty trades within five minutes make the share honest, so nothing more is waited for."
        " Orders that we refused for the user's sake do not count."
    ),
    summary="Only {value} of the trades succeed; the threshold is {threshold}.",
    description="Share of accepted trades over five minutes that ended well on chain.",
    runbook=TRADES_FAIL,
    requirements=("A-P0-TRADE-OK",),
)
TRADE_FAILURES = AlertRule(
    id="TradeFailuresHigh",
    severity=Severity.P1,
    component=Component.TRADING,
    team="trading",
    alert_group="trade-success",
    group_priority=1,
    scrape_class=CRITICAL,
    value=lambda p: share(
        p, platform.trades.where('outcome!="success"'), str(platform.trades), scrape_class=CRITICAL
    ),
    operator=">",
    threshold=0.1,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, str(platform.trades), 20, scrape_class=CRITICAL),
    for_seconds=60,
    keep_firing_seconds=120,
    why="Refused orders count here, and those come in bursts when a price jumps: one minute more.",
    summary="{value} of the trades fail or are refused; the threshold is {threshold}.",
    description="Share of all trade requests over five minutes that did not end well.",
    runbook=TRADES_FAIL,
    requirements=("A-P1-TRADE-FAIL",),
)
TRANSACTIONS_FAILING = AlertRule(
    id="TransactionProcessingFailing",
    severity=Severity.P0,
    component=Component.TRADING,
    team="chain",
    alert_group="transactions",
    group_priority=2,
    scrape_class=CRITICAL,
    value=lambda p: (
        f"1 - (sum(increase({platform.confirmation_seconds.count()}[{p.window(120, CRITICAL)}]))"
        f" or vector(0)) / (sum(increase({platform.transactions_submitted}"
        f"[{p.window(120, CRITICAL)}])) > 0)"
    ),
    operator=">",
    threshold=0.5,
    unit=Unit.RATIO,
    condition=lambda p: enough(
        p, str(platform.transactions_submitted), 10, seconds=120, scrape_class=CRITICAL
    ),
    for_seconds=10,
    keep_firing_seconds=120,
    why=(
        "A receipt comes within two seconds, so two minutes are long; ten sent transactions rule"
        " out a quiet night."
    ),
    summary=(
        "{value} of the transactions that we sent got no receipt; the threshold is {threshold}."
    ),
    description="Transactions of the platform do not get into blocks.",
    runbook=Runbook(
        meaning="Trades hang: neither done nor failed, and their nonces block the next ones.",
        check=(
            "See whether the head of the chain moves and which nodes answer.",
            "Compare our gas price with what blocks pay.",
            "Look for a gap in the sender's nonces.",
        ),
        fix=(
            "Send through another node.",
            "Send the oldest one again with the same nonce and a higher price.",
        ),
        escalate="Call the chain lead at once.",
    ),
    requirements=("A-P0-TX-PROC",),
)
CONFIRMATIONS_SLOW = AlertRule(
    id="ConfirmationsSlow",
    severity=Severity.P2,
    component=Component.CHAIN,
    team="chain",
    alert_group="transactions",
    group_priority=1,
    scrape_class=HIGH,
    value=lambda p: quantile(p, 0.95, platform.confirmation_seconds.bucket()),
    operator=">",
    threshold=3,
    unit=Unit.SECONDS,
    condition=lambda p: enough(p, platform.confirmation_seconds.count(), 10),
    for_seconds=60,
    keep_firing_seconds=120,
    why="Two blocks are under a second; three seconds over five minutes are no single late block.",
    summary=(
        "One transaction in twenty takes over {value} to confirm; the threshold is {threshold}."
    ),
    description="95th percentile from sending to receipt over five minutes.",
    runbook=Runbook(
        meaning="Trades take long enough for prices to move under them.",
        check=("See gas price and block utilisation.", "See whether one node is slow."),
        fix=("Pay more gas.", "Send through another node."),
        escalate="Tell the chain lead when it lasts for half an hour.",
    ),
    requirements=("A-CH-CONFIRM",),
)


def _volume_left(profile: EvaluationProfile) -> str:
    """Return volume now over the lesser of the last six hours and the same time yesterday."""
    now = str(recorded.volume_rate)
    before = (
        f"avg_over_time({now}[{profile.window(21_600, HIGH)}] offset {profile.window(900, HIGH)})"
    )
    yesterday = f"{now} offset {profile.window(86_400, HIGH)}"
    usual = f"(({before} <= {yesterday}) or {yesterday} or {before})"
    return f"1 - {now} / ({usual} > 0)"


def _swaps_fell_too(profile: EvaluationProfile) -> str:
    now, window = str(recorded.swap_rate), profile.window(21_600, HIGH)
    before = f"avg_over_time({now}[{window}] offset {profile.window(900, HIGH)})"
    unseen = f"max(timestamp({chain.head_received}) - {chain.head_received}) > {BLIND_SECONDS}"
    return f"and {now} < 0.7 * {before}\nand {before} > 0.01\nunless ({unseen})"


VOLUME_DROP = AlertRule(
    id="TradingVolumeDrop",
    severity=Severity.P1,
    component=Component.TRADING,
    team="trading",
    alert_group="trading-volume",
    scrape_class=HIGH,
    value=_volume_left,
    operator=">",
    threshold=0.5,
    unit=Unit.RATIO,
    condition=_swaps_fell_too,
    for_seconds=60,
    keep_firing_seconds=120,
    why=(
        "Judged against the lesser of the last six hours and the same time yesterday, so that the"
        " night is no alarm. The number of swaps must have fallen too: one whale in the past would"
        " otherwise make the present look small. While no block reaches us the volume is unknown,"
        " not low."
    ),
    summary="Traded volume has dropped by {value}; the threshold is {threshold}.",
    description="USD per second over fifteen minutes against what is usual at this time.",
    runbook=Runbook(
        meaning="Traders have left or cannot trade; it is often the first sign of another fault.",
        check=(
            "See whether API, sign-in or trades have alerts of their own.",
            "See whether one pool or all have lost volume.",
            "Compare with the volume of other exchanges.",
        ),
        fix=("Follow the alert that explains it.", "If the market is quiet, silence this one."),
        escalate="Tell the trading lead after fifteen minutes without a cause.",
    ),
    requirements=("A-P1-VOLUME",),
)
WHALE = AlertRule(
    id="HighValueTrade",
    severity=Severity.P2,
    component=Component.TRADING,
    team="trading",
    alert_group="high-value-trade",
    scrape_class=CRITICAL,
    value=lambda p: (
        f"sum by (pool) (increase({exchange.high_value_swaps}[{p.window(300, CRITICAL)}]))"
    ),
    operator=">",
    threshold=0,
    unit=Unit.COUNT,
    for_seconds=0,
    keep_firing_seconds=60,
    why="One such trade is the event itself; five minutes keep it on the board long enough.",
    summary="A trade above the high value went through {{ $labels.pool }}.",
    description="At least one swap above the configured value within five minutes.",
    runbook=Runbook(
        meaning="Somebody moved a large sum; prices and liquidity may follow.",
        check=("See who traded and what the price did.", "See whether liquidity is withdrawn."),
        fix=("Nothing, if it is an ordinary trade.",),
        escalate="Tell the trading lead when several follow each other.",
    ),
    requirements=("A-CH-WHALE", "M-TRADE-SIZE"),
)
PRICE_MOVED = AlertRule(
    id="PriceMovedAbnormally",
    severity=Severity.P2,
    component=Component.TRADING,
    team="trading",
    alert_group="price",
    scrape_class=CRITICAL,
    value=lambda p: (
        f"max_over_time({exchange.pool_price}[{p.window(300, CRITICAL)}])"
        f" / min_over_time({exchange.pool_price}[{p.window(300, CRITICAL)}]) - 1"
    ),
    operator=">",
    threshold=0.1,
    unit=Unit.RATIO,
    for_seconds=0,
    keep_firing_seconds=120,
    why="Ten per cent within five minutes is an event by itself and may be over in the next.",
    summary=(
        "The price in {{ $labels.pool }} moved by {value} within minutes; threshold {threshold}."
    ),
    description="Highest over lowest price of the pool within five minutes.",
    runbook=Runbook(
        meaning="A market shock, a whale, or somebody who bends the price on purpose.",
        check=("Compare with other exchanges.", "Look at the largest swaps in the pool."),
        fix=("Suspend what relies on this price as an oracle.",),
        escalate="Call the trading lead when other markets do not move alike.",
    ),
    requirements=("A-CH-WHALE",),
)
MARKET_STALE = AlertRule(
    id="MarketDataStale",
    severity=Severity.P1,
    component=Component.TRADING,
    team="trading",
    alert_group="market-data",
    scrape_class=HIGH,
    value=lambda _: f"max by (feed) (time() - {platform.market_updated})",
    operator=">",
    threshold=60,
    unit=Unit.SECONDS,
    for_seconds=15,
    keep_firing_seconds=120,
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
FEED_LOST = AlertRule(
    id="MarketDataDisconnected",
    severity=Severity.P2,
    component=Component.TRADING,
    team="trading",
    alert_group="market-data",
    scrape_class=HIGH,
    value=lambda p: (
        f"max by (feed) ({latest(p, str(platform.market_connected), scrape_class=HIGH)})"
    ),
    operator="<",
    threshold=1,
    unit=Unit.BOOLEAN,
    for_seconds=60,
    keep_firing_seconds=120,
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


SWAPS_UNPRICED = AlertRule(
    id="SwapsWithoutPrice",
    severity=Severity.P3,
    component=Component.TRADING,
    team="trading",
    alert_group="price-unknown",
    scrape_class=CRITICAL,
    value=_unpriced_share,
    operator=">",
    threshold=0.2,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, str(exchange.swaps), 50, seconds=1800, scrape_class=CRITICAL),
    for_seconds=300,
    keep_firing_seconds=600,
    why=(
        "A small pool without a path to a peg is daily life. One swap in five without a value over"
        " half an hour means that volume and liquidity are told too low."
    ),
    summary="The value of {value} of the swaps is not known; the threshold is {threshold}.",
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

TRADING_ALERTS = (
    TRADING_SUCCESS,
    TRADE_FAILURES,
    TRANSACTIONS_FAILING,
    CONFIRMATIONS_SLOW,
    VOLUME_DROP,
    WHALE,
    PRICE_MOVED,
    SWAPS_UNPRICED,
    MARKET_STALE,
    FEED_LOST,
)
