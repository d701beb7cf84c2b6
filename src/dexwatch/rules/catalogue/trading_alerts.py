"""Do trades work: their success, their way onto the chain, their volume and size."""

from functools import partial

from dexwatch.metrics import chain, exchange, platform
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import SCRAPES_PER_WINDOW, EvaluationProfile, duration
from dexwatch.metrics.promql import enough, gained, quantile, share
from dexwatch.metrics.scrape_class import CRITICAL, HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, Runbook

trading_rule = partial(AlertRule, component=Component.TRADING, scrape_class=CRITICAL)

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

TRADING_SUCCESS = trading_rule(
    id="TradingSuccessLow",
    severity=Severity.P0,
    alert_group="trade-success",
    group_priority=2,
    value=lambda _: f"1 - {recorded.trades_unserved}",
    operator="<",
    threshold=0.9,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, SERVED, 20, scrape_class=CRITICAL),
    why=(
        "Twenty trades within five minutes make the share honest, so nothing more is waited for."
        " Orders that we refused for the user's sake do not count."
    ),
    summary="Only {value} of the trades succeed; the threshold is {threshold}.",
    description="Share of accepted trades over {5m} that ended well on chain.",
    runbook=TRADES_FAIL,
    requirements=("A-P0-TRADE-OK",),
)
TRADE_FAILURES = trading_rule(
    id="TradeFailuresHigh",
    severity=Severity.P1,
    alert_group="trade-success",
    value=lambda p: share(
        p, platform.trades.where('outcome!="success"'), str(platform.trades), scrape_class=CRITICAL
    ),
    threshold=0.1,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, str(platform.trades), 20, scrape_class=CRITICAL),
    for_seconds=60,
    why="Refused orders count here, and those come in bursts when a price jumps: one minute more.",
    summary="{value} of the trades fail or are refused; the threshold is {threshold}.",
    description="Share of all trade requests over {5m} that did not end well.",
    runbook=TRADES_FAIL,
    requirements=("A-P1-TRADE-FAIL",),
)
_confirmed, _submitted = (
    gained(counter, seconds=120, scrape_class=CRITICAL)
    for counter in (platform.confirmation_seconds.count(), platform.transactions_submitted)
)
TRANSACTIONS_FAILING = trading_rule(
    id="TransactionProcessingFailing",
    severity=Severity.P0,
    team="chain",
    alert_group="transactions",
    group_priority=2,
    value=lambda p: f"1 - ({_confirmed(p)} or vector(0)) / ({_submitted(p)} > 0)",
    threshold=0.5,
    unit=Unit.RATIO,
    condition=lambda p: enough(
        p, str(platform.transactions_submitted), 10, seconds=120, scrape_class=CRITICAL
    ),
    for_seconds=10,
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
CONFIRMATIONS_SLOW = trading_rule(
    id="ConfirmationsSlow",
    severity=Severity.P2,
    component=Component.CHAIN,
    alert_group="transactions",
    scrape_class=HIGH,
    value=lambda p: quantile(p, 0.95, platform.confirmation_seconds.bucket()),
    threshold=3,
    unit=Unit.SECONDS,
    condition=lambda p: enough(p, platform.confirmation_seconds.count(), 10),
    for_seconds=60,
    why="Two blocks are under a second; three seconds over five minutes are no single late block.",
    summary=(
        "One transaction in twenty takes over {value} to confirm; the threshold is {threshold}."
    ),
    description="95th percentile from sending to receipt over {5m}.",
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
    known = "\n".join(f"and max({each})" for each in _both_ends(profile))
    return f"and {now} < 0.7 * {before}\nand {before} > 0.01\n{known}\nunless ({unseen})"


def _both_ends(profile: EvaluationProfile) -> tuple[str, str]:
    """Ask for samples at both ends of the rate's window: what it lacks it takes for no trade."""
    few = duration(SCRAPES_PER_WINDOW * profile.scrape_ms(HIGH))
    newest = f"present_over_time({exchange.volume_usd}[{few}]"
    return f"{newest})", f"{newest} offset {profile.window(900, HIGH)})"


VOLUME_DROP = trading_rule(
    id="TradingVolumeDrop",
    severity=Severity.P1,
    alert_group="trading-volume",
    scrape_class=HIGH,
    value=_volume_left,
    threshold=0.5,
    unit=Unit.RATIO,
    condition=_swaps_fell_too,
    for_seconds=60,
    why=(
        "Judged against the lesser of the last six hours and the same time yesterday, so that the"
        " night is no alarm. The number of swaps must have fallen too: one whale in the past would"
        " otherwise make the present look small. While no block reaches us, and until a window"
        " after we were away, the volume is unknown, not low."
    ),
    summary="Traded volume has dropped by {value}; the threshold is {threshold}.",
    description="USD per second over {15m} against what is usual at this time.",
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
WHALE = trading_rule(
    id="HighValueTrade",
    severity=Severity.P2,
    alert_group="high-value-trade",
    value=gained(exchange.high_value_swaps, by="pool", seconds=300, scrape_class=CRITICAL),
    keep_firing_seconds=60,
    why="One such trade is the event itself; five minutes keep it on the board long enough.",
    summary="A trade above the high value went through {{ $labels.pool }}.",
    description="At least one swap above the configured value within {5m}.",
    runbook=Runbook(
        meaning="Somebody moved a large sum; prices and liquidity may follow.",
        check=("See who traded and what the price did.", "See whether liquidity is withdrawn."),
        fix=("Nothing, if it is an ordinary trade.",),
        escalate="Tell the trading lead when several follow each other.",
    ),
    requirements=("A-CH-WHALE", "M-TRADE-SIZE"),
)

TRADING_ALERTS = declared(AlertRule, globals())
