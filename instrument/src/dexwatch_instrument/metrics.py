"""Every metric of an instrumented platform; dexwatch reads them by these names.

HTTP and database-client names follow OpenTelemetry's semantic conventions, in the spelling of
Prometheus; for the rest there is no convention.
Written from dexwatch/metrics/platform.py by `python -m tools.reference`; do not edit.
"""
# fmt: off
# ruff: noqa: E501

from dexwatch_instrument.declared import Declared, Kind

METRICS = (
    Declared("http_server_request_duration_seconds", Kind.HISTOGRAM, "Time to answer.", labels=("http_request_method", "http_route", "http_response_status_code"), buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)),
    Declared("http_server_request_body_size_bytes", Kind.HISTOGRAM, "Request bodies.", labels=("http_request_method", "http_route", "http_response_status_code"), buckets=(100, 1000, 10000, 100000, 1000000, 10000000)),
    Declared("http_server_response_body_size_bytes", Kind.HISTOGRAM, "Response bodies.", labels=("http_request_method", "http_route", "http_response_status_code"), buckets=(100, 1000, 10000, 100000, 1000000, 10000000)),
    Declared("http_server_active_requests", Kind.GAUGE, "Requests being answered.", labels=("http_request_method",)),
    Declared("db_client_operation_duration_seconds", Kind.HISTOGRAM, "Time of database operations.", labels=("db_system_name", "db_operation_name"), buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)),
    Declared("db_client_connection_count", Kind.GAUGE, "Connections of the pool by state (idle, used).", labels=("db_client_connection_pool_name", "db_client_connection_state")),
    Declared("db_client_connection_max", Kind.GAUGE, "Most connections that the pool may open.", labels=("db_client_connection_pool_name",)),
    Declared("platform_auth_attempts_total", Kind.COUNTER, "Sign-ins by method and outcome (success, failure).", labels=("method", "outcome")),
    Declared("platform_auth_suspicious_sources", Kind.GAUGE, "Source addresses with more failed sign-ins in the last minute than the configured limit."),
    Declared("platform_authorization_failures_total", Kind.COUNTER, "Refused requests by reason (missing, expired, forbidden).", labels=("reason",)),
    Declared("platform_rate_limited_total", Kind.COUNTER, "Requests refused by a rate limit.", labels=("http_route",)),
    Declared("platform_sessions_active", Kind.GAUGE, "Open sessions.", workers="livemostrecent"),
    Declared("platform_session_duration_seconds", Kind.HISTOGRAM, "Length of ended sessions.", buckets=(10, 60, 300, 900, 1800, 3600, 14400, 43200)),
    Declared("platform_registrations_total", Kind.COUNTER, "Registrations by outcome (success, failure).", labels=("outcome",)),
    Declared("platform_trades_total", Kind.COUNTER, "Trades by pair and outcome (success, reverted, rejected, error).", labels=("pair", "outcome")),
    Declared("platform_trade_duration_seconds", Kind.HISTOGRAM, "From the trade request to its outcome.", labels=("pair",), buckets=(0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)),
    Declared("platform_transaction_confirmation_seconds", Kind.HISTOGRAM, "From sending a transaction to its receipt.", buckets=(0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)),
    Declared("platform_transactions_submitted_total", Kind.COUNTER, "Transactions that the platform sent to the chain."),
    Declared("platform_payments_total", Kind.COUNTER, "Payments by kind (deposit, withdrawal) and outcome (success, failure).", labels=("kind", "outcome")),
    Declared("platform_business_transactions_total", Kind.COUNTER, "Business transactions by name and outcome (success, failure).", labels=("transaction", "outcome")),
    Declared("platform_job_queue_depth", Kind.GAUGE, "Jobs that wait.", labels=("queue",), workers="livemostrecent"),
    Declared("platform_job_duration_seconds", Kind.HISTOGRAM, "Time that jobs take, by outcome (success, failure).", labels=("queue", "outcome"), buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)),
    Declared("platform_cache_requests_total", Kind.COUNTER, "Cache look-ups by result (hit, miss).", labels=("cache", "result")),
    Declared("platform_market_data_updates_total", Kind.COUNTER, "Market data updates received.", labels=("feed",)),
    Declared("platform_market_data_timestamp_seconds", Kind.GAUGE, "Time of the latest market data update.", labels=("feed",), workers="mostrecent"),
    Declared("platform_market_data_latency_seconds", Kind.HISTOGRAM, "From the event to its arrival in the feed.", labels=("feed",), buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)),
    Declared("platform_market_data_connected", Kind.GAUGE, "1 while the feed is connected.", labels=("feed",), workers="livemostrecent"),
    Declared("platform_market_data_deviation_ratio", Kind.GAUGE, "Relative difference between the feed and the pool's price.", labels=("feed",), workers="livemostrecent"),
)
