"""Metrics of the chain, as seen through RPC endpoints and block by block."""

from functools import partial

from dexwatch.metrics.metric import LATENCY_SECONDS, Unit, counter, gauge, histogram, state

ENDPOINT = ("endpoint",)
endpoint_gauge = partial(gauge, labels=ENDPOINT)

endpoint_up = endpoint_gauge(
    "bsc_endpoint_up", "1 when the RPC endpoint answered its last head query.", unit=Unit.BOOLEAN
)
endpoint_requests = counter(
    "bsc_endpoint_requests_total",
    "RPC requests by method and outcome (ok, rpc_error, http_error, timeout, connection,"
    " malformed).",
    labels=("endpoint", "method", "outcome"),
)
endpoint_request_seconds = histogram(
    "bsc_endpoint_request_duration_seconds",
    "Time of RPC requests.",
    buckets=LATENCY_SECONDS,
    labels=("endpoint", "method"),
)
endpoint_head = endpoint_gauge(
    "bsc_endpoint_head_block",
    "Newest block number that the endpoint reports.",
    unit=Unit.BLOCKS,
    requirements=("M-NODE-SYNC",),
)
endpoint_lag = endpoint_gauge(
    "bsc_endpoint_lag_blocks",
    "Blocks by which the endpoint is behind the best one that is verified to be on our chain.",
    unit=Unit.BLOCKS,
    requirements=("M-NODE-SYNC",),
)
endpoint_peers = endpoint_gauge(
    "bsc_endpoint_peers",
    "Peers of the node; absent where the endpoint does not tell.",
    requirements=("M-NODE-PEERS",),
)
endpoint_syncing = endpoint_gauge(
    "bsc_endpoint_syncing",
    "1 while the node says that it is syncing.",
    unit=Unit.BOOLEAN,
    requirements=("M-NODE-SYNC",),
)
endpoint_divergences = counter(
    "bsc_endpoint_head_divergences_total",
    "Times that the endpoint gave another hash than the majority for the same height.",
    labels=ENDPOINT,
    requirements=("M-FORK",),
)
endpoint_verified = endpoint_gauge(
    "bsc_endpoint_verified",
    "1 while the endpoint shows blocks that we evaluated; only then it may become primary.",
    unit=Unit.BOOLEAN,
)
endpoint_subscribed = endpoint_gauge(
    "bsc_endpoint_subscribed",
    "1 while heads are pushed over WebSocket, 0 while polling.",
    unit=Unit.BOOLEAN,
)

head_block = gauge(
    "bsc_head_block",
    "Newest evaluated block number.",
    unit=Unit.BLOCKS,
    requirements=("C-CUSTOM-EXP",),
)
head_timestamp = gauge(
    "bsc_head_timestamp_seconds", "Time of the newest evaluated block, milliseconds included."
)
head_received = gauge(
    "bsc_head_received_timestamp_seconds", "Wall-clock time at which the newest head reached us."
)
finalized_block = gauge("bsc_finalized_block", "Newest finalised block number.", unit=Unit.BLOCKS)
finality_lag = gauge(
    "bsc_finality_lag_blocks",
    "Head minus finalised block; 2 to 3 is normal.",
    unit=Unit.BLOCKS,
    requirements=("M-CONFIRM",),
)
blocks = counter(
    "bsc_blocks_total",
    "Blocks by stage: produced (by height), seen, evaluated; lost ones could not be read.",
    labels=("stage",),
)
block_gaps_open = gauge(
    "bsc_block_gaps_open",
    "Blocks known to exist that have not been evaluated yet.",
    unit=Unit.BLOCKS,
)
consumer_lag = gauge(
    "bsc_consumer_lag_events",
    "Stored blocks and reorganisations that a consumer has not taken yet.",
    labels=("consumer",),
)
block_store_durable = state(
    "bsc_block_store_durable",
    "1 while blocks are stored on disk, 0 after the disk failed and they are kept in memory.",
)
block_visible_seconds = histogram(
    "bsc_block_visible_seconds",
    "From receiving a head to its metrics being readable on /metrics.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.45, 0.75, 1.0, 2.0, 5.0),
)
block_interval_seconds = histogram(
    "bsc_block_interval_seconds",
    "Time between the timestamps of neighbouring blocks.",
    buckets=(0.1, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 3.0, 10.0),
)
block_gas_ratio = gauge(
    "bsc_block_gas_used_ratio",
    "Gas used of the gas limit, newest block.",
    requirements=("M-GAS-PRICE",),
)
block_turns = counter(
    "bsc_blocks_by_turn_total",
    "Blocks by turn: in (difficulty 2), out (difficulty 1), unknown.",
    labels=("turn",),
    requirements=("M-DIFFICULTY",),
)
difficulty = gauge(
    "bsc_head_difficulty",
    "Difficulty of the newest block: 2 in turn, 1 out of turn.",
    requirements=("M-DIFFICULTY",),
)
reorgs = counter(
    "bsc_reorgs_total",
    "Reorganisations by depth in blocks: 1, 2, 3-5, 6-10, 11-50, 51+, and reset where no common"
    " ancestor was left.",
    labels=("depth",),
    requirements=("M-FORK",),
)
reorgs_refused = counter(
    "bsc_reorgs_refused_total",
    "Reorganisations of an endpoint that were not followed: another healthy one contradicts it.",
    labels=ENDPOINT,
)
blocks_refused = counter(
    "bsc_blocks_refused_total",
    "Blocks of an endpoint that were not taken: their header, transactions or receipts do not give"
    " the hash that they go by.",
    labels=("endpoint", "part"),
)
reorg_blocks = counter(
    "bsc_reorg_blocks_total",
    "Evaluated blocks that a reorganisation dropped, by cause (reorg, reset of the chain).",
    labels=("cause",),
)
transactions = counter(
    "bsc_transactions_total",
    "Transactions in evaluated blocks by outcome (success, reverted).",
    labels=("outcome",),
    requirements=("M-TRADE-OK", "M-TX-FAIL"),
)
gas_price = gauge(
    "bsc_gas_price_wei",
    "Gas price by source: oracle (what the node suggests), paid (average of the newest block with"
    " transactions).",
    unit=Unit.WEI,
    labels=("source",),
    requirements=("M-GAS-PRICE", "M-TX-GASPAID"),
)
finality_seconds = histogram(
    "bsc_finality_seconds",
    "From a block's head reaching us to the block being finalised.",
    buckets=(0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 80.0),
    requirements=("M-CONFIRM",),
)
