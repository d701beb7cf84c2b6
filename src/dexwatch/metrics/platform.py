"""Metrics that the exchange's own services expose through dexwatch-instrument.

HTTP and database-client names follow OpenTelemetry's semantic conventions.
The rest have no convention and are ours.
The instrumentation, which stands alone, is given them by `python -m tools.reference`.
"""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import LATENCY_SECONDS, Metric, Unit

counter = partial(metric.counter, owner="platform")
gauge = partial(metric.gauge, owner="platform")
histogram = partial(metric.histogram, owner="platform")

SIZE_BYTES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
HTTP = ("http_request_method", "http_route", "http_response_status_code")
feed_gauge = partial(gauge, labels=("feed",))

http_seconds = histogram(
    "http_server_request_duration_seconds",
    "Time to answer.",
    buckets=LATENCY_SECONDS,
    labels=HTTP,
    requirements=("M-HTTP-COUNT", "M-HTTP-LATENCY", "M-HTTP-ERR"),
)
http_request_bytes = histogram(
    "http_server_request_body_size_bytes",
    "Request bodies.",
    buckets=SIZE_BYTES,
    labels=HTTP,
    requirements=("M-HTTP-SIZE",),
)
http_response_bytes = histogram(
    "http_server_response_body_size_bytes",
    "Response bodies.",
    buckets=SIZE_BYTES,
    labels=HTTP,
    requirements=("M-HTTP-SIZE",),
)
http_active = gauge(
    "http_server_active_requests",
    "Requests being answered.",
    labels=("http_request_method",),
    requirements=("M-HTTP-ACTIVE",),
)
db_seconds = histogram(
    "db_client_operation_duration_seconds",
    "Time of database operations.",
    buckets=LATENCY_SECONDS,
    labels=("db_system_name", "db_operation_name"),
    requirements=("M-PG-QUERY",),
)
db_connections = gauge(
    "db_client_connection_count",
    "Connections of the pool by state (idle, used).",
    labels=("db_client_connection_pool_name", "db_client_connection_state"),
    requirements=("M-PG-POOL",),
)
db_connections_max = gauge(
    "db_client_connection_max",
    "Most connections that the pool may open.",
    labels=("db_client_connection_pool_name",),
)

auth_attempts = counter(
    "platform_auth_attempts_total",
    "Sign-ins by method and outcome (success, failure).",
    labels=("method", "outcome"),
    requirements=("M-APP-AUTH", "M-SEC-LOGIN"),
)
auth_suspicious_sources = gauge(
    "platform_auth_suspicious_sources",
    "Source addresses with more failed sign-ins in the last minute than the configured limit.",
    requirements=("M-SEC-LOGIN", "M-SEC-THREAT"),
)
authorization_failures = counter(
    "platform_authorization_failures_total",
    "Refused requests by reason (missing, expired, forbidden).",
    labels=("reason",),
    requirements=("M-SEC-ACCESS",),
)
rate_limited = counter(
    "platform_rate_limited_total",
    "Requests refused by a rate limit.",
    labels=("http_route",),
    requirements=("M-SEC-RATELIMIT",),
)
sessions_active = gauge(
    "platform_sessions_active", "Open sessions.", requirements=("M-APP-SESSION", "M-SEC-LOGIN")
)
session_seconds = histogram(
    "platform_session_duration_seconds",
    "Length of ended sessions.",
    buckets=(10, 60, 300, 900, 1_800, 3_600, 14_400, 43_200),
    requirements=("M-APP-SESSION",),
)
registrations = counter(
    "platform_registrations_total",
    "Registrations by outcome (success, failure).",
    labels=("outcome",),
)
trades = counter(
    "platform_trades_total",
    "Trades by pair and outcome (success, reverted, rejected, error).",
    labels=("pair", "outcome"),
    requirements=("M-APP-TRADE", "M-ENGINE-ORDER", "M-TRADE-OK"),
)
trade_seconds = histogram(
    "platform_trade_duration_seconds",
    "From the trade request to its outcome.",
    buckets=(0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
    labels=("pair",),
    requirements=("M-ENGINE-ORDER", "M-TRADE-EXEC"),
)
confirmation_seconds = histogram(
    "platform_transaction_confirmation_seconds",
    "From sending a transaction to its receipt.",
    buckets=(0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0),
    requirements=("M-CONFIRM", "M-TX-CONFIRM"),
)
transactions_submitted = counter(
    "platform_transactions_submitted_total",
    "Transactions that the platform sent to the chain.",
    requirements=("M-TX-SUBMIT", "M-TX-CONFIRM"),
)
payments = counter(
    "platform_payments_total",
    "Payments by kind (deposit, withdrawal) and outcome (success, failure).",
    labels=("kind", "outcome"),
)
transactions_business = counter(
    "platform_business_transactions_total",
    "Business transactions by name and outcome (success, failure).",
    labels=("transaction", "outcome"),
    requirements=("M-APP-BIZ",),
)
queue_depth = gauge(
    "platform_job_queue_depth", "Jobs that wait.", labels=("queue",), requirements=("M-APP-QUEUE",)
)
job_seconds = histogram(
    "platform_job_duration_seconds",
    "Time that jobs take, by outcome (success, failure).",
    buckets=LATENCY_SECONDS,
    labels=("queue", "outcome"),
    requirements=("M-APP-QUEUE",),
)
cache_requests = counter(
    "platform_cache_requests_total",
    "Cache look-ups by result (hit, miss).",
    labels=("cache", "result"),
    requirements=("M-APP-CACHE",),
)
market_updates = counter(
    "platform_market_data_updates_total",
    "Market data updates received.",
    labels=("feed",),
    requirements=("M-ENGINE-MARKET",),
)
market_updated = feed_gauge(
    "platform_market_data_timestamp_seconds", "Time of the latest market data update."
)
market_seconds = histogram(
    "platform_market_data_latency_seconds",
    "From the event to its arrival in the feed.",
    buckets=LATENCY_SECONDS,
    labels=("feed",),
    requirements=("M-ENGINE-MARKET",),
)
market_connected = feed_gauge(
    "platform_market_data_connected",
    "1 while the feed is connected.",
    unit=Unit.BOOLEAN,
    requirements=("M-ENGINE-MARKET",),
)
market_deviation = feed_gauge(
    "platform_market_data_deviation_ratio",
    "Relative difference between the feed and the pool's price.",
    requirements=("M-ENGINE-MARKET",),
)

PLATFORM_METRICS = declared(Metric, globals())

NEWEST_OF_WORKERS = {
    sessions_active.name: "livemostrecent",
    queue_depth.name: "livemostrecent",
    market_updated.name: "mostrecent",
    market_connected.name: "livemostrecent",
    market_deviation.name: "livemostrecent",
}
"""Gauges of which one worker's newest value is that of all; the others are summed."""
