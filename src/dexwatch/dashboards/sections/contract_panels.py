"""The transactions' side of Blockchain: gas, outcomes, and the contracts that we watch."""

from functools import partial

from dexwatch.dashboards import sources
from dexwatch.dashboards.board import Level, Panel, PanelKind, State, Threshold
from dexwatch.dashboards.queries import increase, one, or_none, rate, success, while_seen
from dexwatch.metrics import chain, day_sums, exchange
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.scrape_class import CRITICAL

CHAIN_EMPTY = (
    "No endpoint answers or no block was evaluated yet;"
    " check chain.endpoints and the watch role on Targets."
)
CHAIN_SEEN = f"max({chain.endpoint_up}) > 0 and on () max({chain.head_block})"
"""Has a sample while blocks can be seen; what the chain is asked for means nothing without."""
CONTRACT_EMPTY = "No transaction to a watched contract in this window; check dex.contracts."

panel = partial(Panel, empty=CONTRACT_EMPTY)

GAS = (
    Panel(
        "gas-price",
        "Gas price",
        one(f"max by (source) ({chain.gas_price})", "{{source}}"),
        Unit.WEI,
        "Steady; a spike makes each trade dearer.",
        ("M-GAS-PRICE", "M-TX-GASPAID", "A-CH-GAS"),
        empty=CHAIN_EMPTY,
        source=sources.ENDPOINTS,
    ),
    Panel(
        "utilisation",
        "Block utilisation",
        one(f"max({chain.block_gas_ratio})", "gas used of the limit"),
        Unit.RATIO,
        "Room to spare; near 100% fees rise and transactions wait.",
        ("M-GAS-PRICE",),
        empty=CHAIN_EMPTY,
        source=sources.ENDPOINTS,
        thresholds=(Threshold(0.95, Level.WARNING, "blocks are full"),),
    ),
    Panel(
        "transactions",
        "Transactions per minute by outcome",
        one(rate(chain.transactions, by=("outcome",), per=60), "{{outcome}}"),
        Unit.PER_MINUTE,
        "Nearly all succeed.",
        ("M-TX-SUBMIT", "M-TX-CONFIRM", "M-TX-FAIL"),
        empty=CHAIN_EMPTY,
        source=sources.ENDPOINTS,
        stacked=True,
    ),
)

CONTRACTS = (
    Panel(
        "paused",
        "Contracts",
        one(
            while_seen(f"max by (contract) ({exchange.contract_paused})", CHAIN_SEEN),
            "{{contract}}",
        ),
        Unit.BOOLEAN,
        "All active.",
        ("M-CONTRACT",),
        kind=PanelKind.STATUS,
        empty=(
            "No pausable contract is known, or no endpoint answers;"
            " check dex.contracts and chain.endpoints."
        ),
        states={0.0: State("active", Level.OK), 1.0: State("paused", Level.CRITICAL)},
    ),
    panel(
        "contract-success",
        "Contract call success",
        one(
            success(exchange.contract_calls, 'outcome="success"', by=("contract",)), "{{contract}}"
        ),
        Unit.RATIO,
        "Above 95%.",
        ("M-CONTRACT", "A-P0-CONTRACT"),
        thresholds=(Threshold(0.9, Level.CRITICAL, "calls fail for many", below=True),),
        floor=None,
    ),
    panel(
        "calls",
        "Calls per minute",
        one(rate(exchange.contract_calls, by=("contract",), per=60), "{{contract}}"),
        Unit.PER_MINUTE,
        "Follows the trading.",
        ("M-CONTRACT",),
    ),
    panel(
        "contract-gas",
        "Gas per call",
        one(
            lambda w: (
                f"sum by (contract) (rate({exchange.contract_gas}[{w.window(300, CRITICAL)}]))"
                " / (sum by (contract)"
                f" (rate({exchange.contract_calls}[{w.window(300, CRITICAL)}])) > 0)"
            ),
            "{{contract}}",
        ),
        Unit.GAS,
        "Flat for each contract; a step is a new code path or an attack.",
        ("M-CONTRACT",),
    ),
    panel(
        "methods",
        "Calls by method, 1 h",
        one(
            increase(exchange.contract_calls, by=("contract", "method"), window="1h"),
            "{{contract}} · {{method}}",
        ),
        Unit.COUNT,
        "The mix that you know.",
        ("M-CONTRACT",),
        kind=PanelKind.BARS,
        decimals=0,
    ),
    Panel(
        "state-changes",
        "Administrative events, 24 h",
        one(
            or_none(f"sum by (contract, event) ({day_sums.contract_changes})", CHAIN_SEEN, "event"),
            "{{contract}} · {{event}}",
        ),
        Unit.COUNT,
        "Only what you did yourselves.",
        ("M-CONTRACT",),
        kind=PanelKind.BARS,
        empty=CHAIN_EMPTY,
        source=sources.ENDPOINTS,
    ),
)
