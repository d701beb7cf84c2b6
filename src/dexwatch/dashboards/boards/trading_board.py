"""Trading Performance: do trades go through, at what price, and who trades what?"""

from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Query, Section, Threshold
from dexwatch.dashboards.queries import increase, quantile, rate, success, text
from dexwatch.dashboards.sections.market_panels import (
    EXECUTION,
    FEED_EMPTY,
    TRADE_EMPTY,
    TREND,
    VOLUME,
)
from dexwatch.metrics import business, chain, platform
from dexwatch.metrics.metric import Unit

USERS_EMPTY = "The platform's database gave no value; check database.queries and its collector."
PAID = chain.gas_price.where('source="paid"')
SUGGESTED = chain.gas_price.where('source="oracle"')

SYSTEM = (
    Panel(
        "nodes",
        "Chain endpoints",
        PanelKind.STATUS,
        (Query(text(f"min by (endpoint) ({chain.endpoint_up})"), "{{endpoint}}"),),
        Unit.BOOLEAN,
        "All up.",
        ("M-NODE-SYNC",),
        "No endpoint is configured: chain.endpoints is empty.",
    ),
    Panel(
        "feeds",
        "Market data feeds",
        PanelKind.STATUS,
        (Query(text(f"min by (feed) ({platform.market_connected})"), "{{feed}}"),),
        Unit.BOOLEAN,
        "All connected.",
        ("M-ENGINE-MARKET",),
        FEED_EMPTY,
    ),
    Panel(
        "gas-saving",
        "Gas paid below the suggestion",
        PanelKind.STAT,
        (Query(text(f"1 - scalar(avg({PAID})) / avg({SUGGESTED})")),),
        Unit.RATIO,
        "Zero or more: we do not pay above what the node suggests.",
        ("M-GAS-SAVED", "M-TX-GASPAID"),
        "No gas price is known yet; check the chain endpoints.",
        floor=None,
    ),
    Panel(
        "tx-success",
        "On-chain success",
        PanelKind.TIMESERIES,
        (Query(success(chain.transactions, 'outcome="success"'), "all transactions"),),
        Unit.RATIO,
        "Above 95%; reverts cost gas and patience.",
        ("M-TX-CONFIRM", "M-TX-FAIL"),
        "No block with transactions was evaluated; check the chain endpoints.",
        thresholds=(Threshold(0.9, Level.CRITICAL, "one of ten transactions reverts", below=True),),
        floor=None,
    ),
    Panel(
        "queues",
        "Jobs waiting",
        PanelKind.TIMESERIES,
        (Query(text(f"sum by (queue) ({platform.queue_depth})"), "{{queue}}"),),
        Unit.COUNT,
        "Near zero; a growing queue means that workers do not keep up.",
        ("M-APP-QUEUE", "M-ENGINE-ORDER"),
        "The platform reports no job queue.",
        thresholds=(Threshold(1000, Level.WARNING, "jobs wait longer than their users"),),
    ),
    Panel(
        "jobs",
        "Job time, 95 of 100",
        PanelKind.TIMESERIES,
        (Query(quantile(0.95, platform.job_seconds, by=("queue",)), "{{queue}}"),),
        Unit.SECONDS,
        "Flat.",
        ("M-APP-QUEUE",),
        "No job was finished in this window.",
    ),
)

EXPERIENCE = (
    Panel(
        "trade-success",
        "Trade success",
        PanelKind.STAT,
        (Query(success(platform.trades, 'outcome="success"')),),
        Unit.RATIO,
        "Above 98%.",
        ("M-TRADE-OK", "A-P0-TRADE-OK"),
        TRADE_EMPTY,
        thresholds=(
            Threshold(0.98, Level.WARNING, "traders notice", below=True),
            Threshold(0.9, Level.CRITICAL, "trading is broken for many", below=True),
        ),
        width=3,
    ),
    Panel(
        "satisfaction",
        "Satisfaction",
        PanelKind.STAT,
        (Query(text(f"avg({business.satisfaction})")),),
        Unit.COUNT,
        "Above 4 of 5.",
        ("M-USER-FEATURE",),
        USERS_EMPTY,
        thresholds=(Threshold(3.5, Level.WARNING, "users are unhappy", below=True),),
        decimals=2,
        width=3,
        refresh_seconds=TREND,
    ),
    Panel(
        "tickets",
        "Open support tickets",
        PanelKind.STAT,
        (Query(text(f"sum({business.tickets_open})")),),
        Unit.COUNT,
        "Flat; a rise tells of trouble before a metric does.",
        ("M-USER-FEATURE",),
        USERS_EMPTY,
        width=3,
        refresh_seconds=TREND,
    ),
    Panel(
        "retention",
        "Users that come back",
        PanelKind.STAT,
        (Query(text(f"avg({business.retention})")),),
        Unit.RATIO,
        "Steady or growing.",
        ("M-USER-RETAIN",),
        USERS_EMPTY,
        width=3,
        refresh_seconds=TREND,
    ),
    Panel(
        "outcomes",
        "Trades per minute by outcome",
        PanelKind.TIMESERIES,
        (Query(rate(platform.trades, by=("outcome",), per=60), "{{outcome}}"),),
        Unit.PER_MINUTE,
        "Nearly all succeed; rejected is the user's doing, error is ours.",
        ("M-APP-TRADE", "M-TRADE-OK", "M-TX-FAIL"),
        TRADE_EMPTY,
        width=8,
        stacked=True,
    ),
    Panel(
        "features",
        "Feature use, 1 h",
        PanelKind.BARS,
        (Query(increase(business.feature_uses, by=("feature",), window="1h"), "{{feature}}"),),
        Unit.COUNT,
        "New features find users.",
        ("M-USER-FEATURE",),
        USERS_EMPTY,
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
