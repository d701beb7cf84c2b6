"""Metrics of the exchange, decoded from events and read from contracts."""

from functools import partial

from dexwatch.metrics.metric import Unit, counter, gauge, histogram, state

POOL = ("pool",)
pool_counter = partial(counter, labels=POOL)
pool_gauge = partial(gauge, labels=POOL)
pool_histogram = partial(histogram, labels=POOL)
token_gauge = partial(gauge, labels=("token",))

swaps = pool_counter("dex_swaps_total", "Swaps.", requirements=("C-CUSTOM-EXP", "M-TRADE-PAIRS"))
volume_usd = pool_counter(
    "dex_volume_usd_total",
    "Traded value by the side nearer to a peg, at the prices before the block.",
    requirements=("M-TRADE-VOLUME", "M-TRADE-PAIRS", "M-LP-UTIL"),
)
swaps_unpriced = pool_counter(
    "dex_swaps_unpriced_total",
    "Swaps whose value is not known: no deep enough path of pools leads to a pegged token.",
)
swap_size_usd = pool_histogram(
    "dex_swap_size_usd",
    "Value of single swaps.",
    buckets=(10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000),
    requirements=("M-TRADE-SIZE",),
)
high_value_swaps = pool_counter(
    "dex_high_value_swaps_total",
    "Swaps above the configured high value.",
    requirements=("M-TRADE-SIZE",),
)
price_impact_ratio = pool_histogram(
    "dex_price_impact_ratio",
    "Price impact without fee, x/(R+x).",
    buckets=(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25),
    requirements=("M-TRADE-EXEC",),
)
slippage_ratio = pool_histogram(
    "dex_slippage_ratio",
    "1 - received/quoted for trades through the platform's router.",
    buckets=(-0.01, 0.0, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
    requirements=("M-TRADE-EXEC",),
)
fees_usd = pool_counter("dex_fees_usd_total", "Fees paid by traders.")
lp_fees_usd = pool_counter(
    "dex_lp_fees_usd_total", "The liquidity providers' part of the fees, without the protocol's."
)
tvl_usd = pool_gauge(
    "dex_tvl_usd",
    "Total value locked, of the tokens whose price has depth.",
    requirements=("M-LP-TVL", "M-LP-UTIL"),
)
tokens_unpriced = pool_gauge(
    "dex_tokens_unpriced",
    "Tokens of a pool that count for nothing in its TVL: no price, or none that bears so many.",
)
pool_price = pool_gauge("dex_pool_price", "Units of token1 for one token0.")
token_price_usd = token_gauge(
    "dex_token_price_usd",
    "Price of a token: the median of the deep enough pools on a path to a pegged token.",
)
price_depth_usd = token_gauge(
    "dex_token_price_depth_usd",
    "Dollars that stand behind a token's price, in the pools that set it.",
)
price_spread_ratio = token_gauge(
    "dex_token_price_spread_ratio",
    "How far the pools that set a token's price are apart: highest over lowest, less one.",
)
liquidity_providers = pool_gauge(
    "dex_liquidity_providers",
    "Owners of liquidity positions; one whose owner is not known counts as one.",
    requirements=("M-LP-COUNT",),
)
liquidity_history_left = gauge(
    "dex_liquidity_history_blocks_left",
    "Past blocks that are still to be read before liquidity providers are complete.",
)
liquidity_events = counter(
    "dex_liquidity_events_total",
    "Liquidity added (mint) and withdrawn (burn).",
    labels=("pool", "kind"),
)
impermanent_loss = pool_gauge(
    "dex_impermanent_loss_ratio",
    "Loss of liquidity in a v2 pool against holding since the configured entry price; negative.",
)
events_malformed = counter(
    "dex_events_malformed_total",
    "Events of watched addresses that bear a known topic but do not fit it.",
    labels=("address",),
)

contract_calls = counter(
    "contract_calls_total",
    "Transactions to a watched contract by method and outcome (success, reverted).",
    labels=("contract", "method", "outcome"),
    requirements=("M-TX-FAIL", "M-CONTRACT"),
)
contract_gas = counter(
    "contract_gas_used_total",
    "Gas used by transactions to a watched contract.",
    unit=Unit.GAS,
    labels=("contract",),
    requirements=("M-CONTRACT",),
)
contract_failures = counter(
    "contract_failures_total",
    "Reverted calls of a watched contract by reason, found by replaying them.",
    labels=("contract", "reason"),
)
contract_changes = counter(
    "contract_state_changes_total",
    "Administrative events of a watched contract, by event.",
    labels=("contract", "event"),
)
contract_paused = state(
    "contract_paused",
    "1 while the contract says that it is paused.",
    labels=("contract",),
    requirements=("M-CONTRACT",),
)
contract_view = gauge(
    "contract_view_value",
    "Value of a configured view call, scaled as configured.",
    labels=("contract", "view"),
)
