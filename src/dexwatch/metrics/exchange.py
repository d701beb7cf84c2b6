"""Metrics of the exchange, decoded from events and read from contracts."""

from dexwatch.metrics.metric import Unit, counter, gauge, histogram

POOL = ("pool",)

swaps = counter("dex_swaps_total", "Swaps.", labels=POOL)
volume_usd = counter(
    "dex_volume_usd_total",
    "Traded value, the side with the better-known price.",
    unit=Unit.USD,
    labels=POOL,
)
swap_size_usd = histogram(
    "dex_swap_size_usd",
    "Value of single swaps.",
    unit=Unit.USD,
    buckets=(10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000),
    labels=POOL,
)
high_value_swaps = counter(
    "dex_high_value_swaps_total", "Swaps above the configured high value.", labels=POOL
)
price_impact_ratio = histogram(
    "dex_price_impact_ratio",
    "Price impact without fee, x/(R+x).",
    unit=Unit.RATIO,
    buckets=(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25),
    labels=POOL,
)
slippage_ratio = histogram(
    "dex_slippage_ratio",
    "1 - received/quoted for trades through the platform's router.",
    unit=Unit.RATIO,
    buckets=(-0.01, 0.0, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5),
    labels=POOL,
)
fees_usd = counter("dex_fees_usd_total", "Fees paid by traders.", unit=Unit.USD, labels=POOL)
tvl_usd = gauge("dex_tvl_usd", "Total value locked.", unit=Unit.USD, labels=POOL)
pool_price = gauge(
    "dex_pool_price", "Units of token1 for one token0.", unit=Unit.COUNT, labels=POOL
)
token_price_usd = gauge(
    "dex_token_price_usd",
    "Price of a token from the configured pools.",
    unit=Unit.USD,
    labels=("token",),
)
liquidity_providers = gauge(
    "dex_liquidity_providers",
    "Addresses that hold a liquidity position.",
    unit=Unit.COUNT,
    labels=POOL,
)
liquidity_events = counter(
    "dex_liquidity_events_total",
    "Liquidity added (mint) and withdrawn (burn).",
    labels=("pool", "kind"),
)
pool_utilisation = gauge(
    "dex_pool_utilisation_ratio",
    "Volume of the last 24 h (or since start, if shorter) over TVL.",
    unit=Unit.RATIO,
    labels=POOL,
)

impermanent_loss = gauge(
    "dex_impermanent_loss_ratio",
    "Loss of a provider of a v2 pool against holding since the watch began; negative.",
    unit=Unit.RATIO,
    labels=POOL,
)
fee_apr = gauge(
    "dex_fee_apr_ratio",
    "Yearly return of providers from the fees of the last 24 h (or since start, if shorter).",
    unit=Unit.RATIO,
    labels=POOL,
)
fee_apy = gauge(
    "dex_fee_apy_ratio",
    "The yearly return from fees if put back every day.",
    unit=Unit.RATIO,
    labels=POOL,
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
)
contract_gas = counter(
    "contract_gas_used_total",
    "Gas used by transactions to a watched contract.",
    unit=Unit.GAS,
    labels=("contract",),
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
contract_paused = gauge(
    "contract_paused",
    "1 while the contract says that it is paused.",
    unit=Unit.BOOLEAN,
    labels=("contract",),
)
contract_view = gauge(
    "contract_view_value",
    "Value of a configured view call, scaled as configured.",
    unit=Unit.COUNT,
    labels=("contract", "view"),
)

EXCHANGE_METRICS = (
    swaps,
    volume_usd,
    swap_size_usd,
    high_value_swaps,
    price_impact_ratio,
    slippage_ratio,
    fees_usd,
    tvl_usd,
    pool_price,
    token_price_usd,
    liquidity_providers,
    liquidity_events,
    pool_utilisation,
    impermanent_loss,
    fee_apr,
    fee_apy,
    events_malformed,
    contract_calls,
    contract_gas,
    contract_failures,
    contract_changes,
    contract_paused,
    contract_view,
)
