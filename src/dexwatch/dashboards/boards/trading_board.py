"""Trading Performance: do trades go through, at what price, and who trades what?"""

from functools import partial

from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Section, Threshold
from dexwatch.dashboards.boards.overview_board import USERS_EMPTY
from dexwatch.dashboards.queries import increase, one, quantile, rate, success
from dexwatch.dashboards.sections.market_panels import (
    EXECUTION,
    FEED_EMPTY,
    TRADE_EMPTY,
    TRADE_SUCCESS,
    TREND,
    VOLUME,
)
from dexwatch.metrics import business, chain, platform
from dexwatch.metrics.metric import Unit

PAID = chain.gas_price.where('source="paid"')
SUGGESTED = chain.gas_price.where('source="oracle"')

stat = partial(Panel, kind=PanelKind.STAT, empty=USERS_EMPTY, width=3)

SYSTEM = (
    Panel(
        "nodes",
        "Chain endpoints",
        one(f"min by (endpoint) ({chain.endpoint_up})", "{{endpoint}}"),
        Unit.BOOLEAN,
        "All up.",
        ("M-NODE-SYNC",),
        kind=PanelKind.STATUS,
        empty="No endpoint is watched; check chain.endpoints and the watch role on Targets.",
    ),
    Panel(
        "feeds",
        "Market data feeds",
        one(f"min by (feed) ({platform.market_connected})", "{{feed}}"),
        Unit.BOOLEAN,
        "All connected.",
        ("M-ENGINE-MARKET",),
        kind=PanelKind.STATUS,
        empty=FEED_EMPTY,
    ),
    Panel(
        "gas-saving",
        "Gas paid below the suggestion",
        one(f"1 - scalar(avg({PAID})) / avg({SUGGESTED})"),
        Unit.RATIO,
        "Zero or more: we do not pay above what the node suggests.",
        ("M-GAS-SAVED", "M-TX-GASPAID"),
        kind=PanelKind.STAT,
        empty="No gas price is known yet; check the chain endpoints.",
        floor=None,
    ),
    Panel(
        "tx-success",
        "On-chain success",
        one(success(chain.transactions, 'outcome="success"'), "all transactions"),
        Unit.RATIO,
        "Above 95%; reverts cost gas and patience.",
        ("M-TX-CONFIRM", "M-TX-FAIL"),
        empty="No block with transactions was evaluated; check the chain endpoints.",
        thresholds=(Threshold(0.9, Level.CRITICAL, "one of ten transactions reverts", below=True),),
        floor=None,
    ),
    Panel(
        "queues",
        "Jobs waiting",
        one(f"sum by (queue) ({platform.queue_depth})", "{{queue}}"),
        Unit.COUNT,
        "Near zero; a growing queue means that workers do not keep up.",
        ("M-APP-QUEUE", "M-ENGINE-ORDER"),
        empty="The platform reports no job queue; check what its workers expose and Targets.",
        thresholds=(Threshold(1000, Level.WARNING, "jobs wait longer than their users"),),
    ),
    Panel(
        "jobs",
        "Job time, 95 of 100",
        one(quantile(0.95, platform.job_seconds, by=("queue",)), "{{queue}}"),
        Unit.SECONDS,
        "Flat.",
        ("M-APP-QUEUE",),
        empty="No job was finished; check the jobs that wait, the workers and Targets.",
    ),
)

EXPERIENCE = (
    TRADE_SUCCESS,
    stat(
        "satisfaction",
        "Satisfaction",
        one(f"avg({business.satisfaction})"),
        Unit.COUNT,
        "Above 4 of 5.",
        ("M-USER-FEATURE",),
        thresholds=(Threshold(3.5, Level.WARNING, "users are unhappy", below=True),),
        decimals=2,
        refresh_seconds=TREND,
    ),
    stat(
        "tickets",
        "Open support tickets",
        one(f"sum({business.tickets_open})"),
        Unit.COUNT,
        "Flat; a rise tells of trouble before a metric does.",
        ("M-USER-FEATURE",),
        refresh_seconds=TREND,
    ),
    stat(
        "retention",
        "Users that come back",
        one(f"avg({business.retention})"),
        Unit.RATIO,
        "Steady or growing.",
        ("M-USER-RETAIN",),
        refresh_seconds=TREND,
    ),
    Panel(
        "outcomes",
        "Trades per minute by outcome",
        one(rate(platform.trades, by=("outcome",), per=60), "{{outcome}}"),
        Unit.PER_MINUTE,
        "Nearly all succeed; rejected is the user's doing, error is ours.",
        ("M-APP-TRADE", "M-TRADE-OK", "M-TX-FAIL"),
        empty=TRADE_EMPTY,
        width=8,
        stacked=True,
    ),
    Panel(
        "features",
        "Feature use, 1 h",
        one(increase(business.feature_uses, by=("feature",), window="1h"), "{{feature}}"),
        Unit.COUNT,
        "New features find users.",
        ("M-USER-FEATURE",),
        kind=PanelKind.BARS,
        empty=USERS_EMPTY,
        refresh_seconds=TREND,
        decimals=0,
    ),
)

TRADING = Board(
    "trading",
    "Trading Performance",
    "Do trades go through, at what price, and who trades what?",
    15,
    (
        Section("Volume and liquidity", VOLUME),
        Section("Execution", EXECUTION),
        Section("The systems behind it", SYSTEM),
        Section("What traders experience", EXPERIENCE),
    ),
    "D-TRADING",
)
