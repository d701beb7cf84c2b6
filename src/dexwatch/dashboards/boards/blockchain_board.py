"""Blockchain: do we see every block in time, is it final, and do our contracts work?"""

from functools import partial

from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Query, Section, Threshold
from dexwatch.dashboards.queries import (
    increase,
    one,
    or_none,
    quantile,
    quantiles,
    rate,
    success,
    while_seen,
)
from dexwatch.dashboards.sections.contract_panels import CHAIN_EMPTY, CHAIN_SEEN, CONTRACTS, GAS
from dexwatch.metrics import chain, day_sums, platform
from dexwatch.metrics.metric import Unit

panel = partial(Panel, empty=CHAIN_EMPTY, source=sources.ENDPOINTS)
stat = partial(panel, kind=PanelKind.STAT, width=2)

HEAD = (
    stat(
        "head",
        "Head block",
        one(f"max({chain.head_block})"),
        Unit.BLOCKS,
        "Grows by more than two blocks a second.",
        ("M-NODE-SYNC",),
    ),
    stat(
        "head-age",
        "Age of the head",
        one(f"time() - max({chain.head_received})"),
        Unit.SECONDS,
        "Below the scrape interval plus one block.",
        ("M-NODE-SYNC", "A-CH-NODE"),
        thresholds=(
            Threshold(8, Level.WARNING, "blocks come late"),
            Threshold(15, Level.CRITICAL, "the chain stands still for us"),
        ),
    ),
    stat(
        "finality-lag",
        "Blocks until final",
        one(while_seen(f"max({chain.finality_lag})", CHAIN_SEEN)),
        Unit.BLOCKS,
        "Two or three.",
        ("M-CONFIRM", "A-CH-CONFIRM"),
        thresholds=(
            Threshold(5, Level.WARNING, "votes arrive late"),
            Threshold(15, Level.CRITICAL, "finality has stalled: treat nothing as settled"),
        ),
    ),
    stat(
        "gaps",
        "Unseen blocks",
        one(while_seen(f"max({chain.block_gaps_open})", CHAIN_SEEN)),
        Unit.BLOCKS,
        "Zero; every block that was produced has been seen and evaluated.",
        ("M-NODE-SYNC",),
        thresholds=(Threshold(0, Level.WARNING, "blocks are known that nobody has looked at"),),
    ),
    stat(
        "reorgs",
        "Reorgs, 24 h",
        one(while_seen(f"sum({day_sums.reorgs})", CHAIN_SEEN)),
        Unit.COUNT,
        "Zero; one block deep now and then is harmless.",
        ("M-FORK", "A-CH-FORK"),
        thresholds=(Threshold(0.5, Level.INFO, "the chain changed its mind"),),
        decimals=0,
    ),
    stat(
        "reorg-depth",
        "Deep reorgs, 24 h",
        one(while_seen(f'sum({day_sums.reorgs}{{depth!~"1|2"}})', CHAIN_SEEN)),
        Unit.COUNT,
        "None: at most two blocks are replaced now and then.",
        ("M-FORK", "A-CH-FORK"),
        thresholds=(Threshold(0.5, Level.CRITICAL, "deeper than what we call final"),),
        decimals=0,
    ),
    panel(
        "interval",
        "Time between blocks",
        quantiles(chain.block_interval_seconds, 0.5, 0.99),
        Unit.SECONDS,
        "0.45 s; a wider spread means that validators miss their turn.",
        ("M-NODE-SYNC",),
    ),
    panel(
        "finality",
        "Time until final",
        quantiles(chain.finality_seconds, 0.5, 0.95),
        Unit.SECONDS,
        "About one to two seconds.",
        ("M-CONFIRM",),
        thresholds=(Threshold(5, Level.WARNING, "confirmations are slow"),),
    ),
    Panel(
        "confirmation",
        "Our transactions: time to receipt",
        quantiles(platform.confirmation_seconds, 0.5, 0.95),
        Unit.SECONDS,
        "One to three blocks.",
        ("M-CONFIRM", "M-TX-CONFIRM"),
        empty="The platform sent no transaction, or its API is not scraped; check Targets.",
        thresholds=(Threshold(5, Level.WARNING, "users wait for their receipts"),),
    ),
    panel(
        "balance",
        "Blocks per minute: produced, seen, evaluated",
        one(rate(chain.blocks, by=("stage",), per=60), "{{stage}}"),
        Unit.PER_MINUTE,
        "Three equal lines at about 133 a minute.",
        ("M-NODE-SYNC",),
        floor=None,
    ),
    panel(
        "visible",
        "Head received to metrics visible",
        quantiles(chain.block_visible_seconds, 0.5, 0.99),
        Unit.SECONDS,
        "Below one block, 0.45 s.",
        ("M-NODE-SYNC",),
        thresholds=(Threshold(0.45, Level.WARNING, "we fall behind the chain"),),
    ),
    panel(
        "turns",
        "Blocks in turn (difficulty 2)",
        one(success(chain.block_turns, 'turn="in"'), "in turn"),
        Unit.RATIO,
        "Above 95%; out-of-turn blocks mean that a validator is missing.",
        ("M-DIFFICULTY",),
        thresholds=(Threshold(0.9, Level.WARNING, "validators miss their turn", below=True),),
        floor=None,
    ),
)

ENDPOINTS = (
    Panel(
        "endpoints",
        "Endpoints",
        (
            Query(f"min by (endpoint) ({chain.endpoint_up})", "{{endpoint}}"),
            Query(f"max by (endpoint) ({chain.endpoint_head})", "{{endpoint}}"),
            Query(f"max by (endpoint) ({chain.endpoint_lag})", "{{endpoint}}"),
            Query(f"max by (endpoint) ({chain.endpoint_peers})", "{{endpoint}}"),
            Query(f"max by (endpoint) ({chain.endpoint_syncing})", "{{endpoint}}"),
            Query(f"min by (endpoint) ({chain.endpoint_subscribed})", "{{endpoint}}"),
            Query(
                increase(chain.endpoint_divergences, by=("endpoint",), window="1h"), "{{endpoint}}"
            ),
            Query(f"max by (endpoint) ({chain.endpoint_verified})", "{{endpoint}}"),
            Query(increase(chain.reorgs_refused, by=("endpoint",), window="1h"), "{{endpoint}}"),
        ),
        Unit.COUNT,
        "All up and on our chain, none behind, enough peers, no conflict.",
        ("M-NODE-SYNC", "M-NODE-PEERS", "A-CH-NODE"),
        kind=PanelKind.TABLE,
        empty="No endpoint is watched; check chain.endpoints and the watch role on Targets.",
        width=12,
        columns=(
            ("Answers", Unit.BOOLEAN),
            ("Head", Unit.BLOCKS),
            ("Behind", Unit.BLOCKS),
            ("Peers", Unit.COUNT),
            ("Syncing", Unit.BOOLEAN),
            ("Pushes heads", Unit.BOOLEAN),
            ("Head divergences, 1 h", Unit.COUNT),
            ("On our chain", Unit.BOOLEAN),
            ("Refused reorgs, 1 h", Unit.COUNT),
        ),
        limit=20,
    ),
    panel(
        "lag",
        "Blocks behind the best endpoint",
        one(f"max by (endpoint) ({chain.endpoint_lag})", "{{endpoint}}"),
        Unit.BLOCKS,
        "Zero to two.",
        ("M-NODE-SYNC", "A-CH-NODE"),
        thresholds=(Threshold(10, Level.WARNING, "this node's answers are old"),),
        width=3,
    ),
    Panel(
        "peers",
        "Peers",
        one(f"min by (endpoint) ({chain.endpoint_peers})", "{{endpoint}}"),
        Unit.COUNT,
        "More than ten.",
        ("M-NODE-PEERS", "A-CH-NODE"),
        empty="No endpoint tells its peers, as hosted ones seldom do; check chain.endpoints.",
        thresholds=(Threshold(5, Level.WARNING, "the node may be cut off", below=True),),
        width=3,
    ),
    Panel(
        "rpc-errors",
        "Failed RPC requests per minute",
        one(
            or_none(
                rate(chain.endpoint_requests, 'outcome!="ok"', by=("endpoint", "outcome"), per=60),
                rate(chain.endpoint_requests),
                "outcome",
            ),
            "{{endpoint}} · {{outcome}}",
        ),
        Unit.PER_MINUTE,
        "Zero.",
        ("A-CH-NODE",),
        empty="No RPC request is made; check chain.endpoints and the watch role on Targets.",
        width=3,
    ),
    panel(
        "rpc-latency",
        "RPC time, 95 of 100",
        one(quantile(0.95, chain.endpoint_request_seconds, by=("endpoint",)), "{{endpoint}}"),
        Unit.SECONDS,
        "Well below one block, 0.45 s.",
        ("M-NODE-SYNC",),
        thresholds=(Threshold(0.45, Level.WARNING, "slower than the chain itself"),),
        width=3,
    ),
)

BLOCKCHAIN = Board(
    "blockchain",
    "Blockchain",
    "Do we see every block in time, is it final, and do our contracts work?",
    15,
    (
        Section("Head and finality", HEAD),
        Section("Endpoints", ENDPOINTS),
        Section("Gas and transactions", GAS),
        Section("Contracts", CONTRACTS),
    ),
    "D-CHAIN",
)
