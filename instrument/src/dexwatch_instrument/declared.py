"""The metrics that an instrumented platform exposes; dexwatch reads them by these names.

HTTP and database-client names follow OpenTelemetry's semantic conventions, in the spelling of
Prometheus; for the rest there is no convention.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
HTTP_LABELS = ("http_request_method", "http_route", "http_response_status_code")
DB_LABELS = ("db_system_name", "db_operation_name")
POOL = "db_client_connection_pool_name"


Workers = Literal["livesum", "livemostrecent", "mostrecent"]


class Kind(StrEnum):
    """The Prometheus metric types in use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Declared:
    """One metric: seconds, bytes or counts as its name says."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, ascending; +Inf is implied."""
    workers: Workers = "livesum"
    """How the gauges of several workers become one: the sum of those that run, or the newest."""


def _counter(name: str, text: str, *labels: str) -> Declared:
    return Declared(name, Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str, workers: Workers = "livesum") -> Declared:
    return Declared(name, Kind.GAUGE, text, labels, workers=workers)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Declared:
    return Declared(name, Kind.HISTOGRAM, text, labels, buckets)


METRICS = (
    _histogram(
        "http_server_request_duration_seconds", "Time to answer.", *HTTP_LABELS, buckets=LATENCY
    ),
    _histogram(
        "http_server_request_body_size_bytes", "Request bodies.", *HTTP_LABELS, buckets=SIZES
    ),
    _histogram(
        "http_server_response_body_size_bytes", "Response bodies.", *HTTP_LABELS, buckets=SIZES
    ),
    _gauge("http_server_active_requests", "Requests being answered.", "http_request_method"),
    _histogram(
        "db_client_operation_duration_seconds",
        "Time of database operations.",
        *DB_LABELS,
        buckets=LATENCY,
    ),
    _gauge(
        "db_client_connection_count",
        "Connections of the pool by state (idle, used).",
        POOL,
        "db_client_connection_state",
    ),
    _gauge("db_client_connection_max", "Most connections that the pool may open.", POOL),
    _counter(
        "platform_auth_attempts_total",
        "Sign-ins by method and outcome (success, failure).",
        "method",
        "outcome",
    ),
    _gauge(
        "platform_auth_suspicious_sources",
        "Source addresses with more failed sign-ins in the window than the configured limit.",
    ),
    _counter(
        "platform_authorization_failures_total",
        "Refused requests by reason (missing, expired, forbidden).",
        "reason",
    ),
    _counter("platform_rate_limited_total", "Requests refused by a rate limit.", "http_route"),
    _gauge("platform_sessions_active", "Open sessions.", workers="livemostrecent"),
    _histogram(
        "platform_session_duration_seconds",
        "Length of ended sessions.",
        buckets=(10, 60, 300, 900, 1_800, 3_600, 14_400, 43_200),
    ),
    _counter(
        "platform_registrations_total", "Registrations by outcome (success, failure).", "outcome"
    ),
    _counter(
        "platform_trades_total",
        "Trades by pair and outcome (success, reverted, rejected, error).",
        "pair",
        "outcome",
    ),
    _histogram(
        "platform_trade_duration_seconds",
        "From the trade request to its outcome.",
        "pair",
        buckets=(0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
    ),
    _histogram(
        "platform_transaction_confirmation_seconds",
        "From sending a transaction to its receipt.",
        buckets=(0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0),
    ),
    _counter(
        "platform_transactions_submitted_total", "Transactions that the platform sent to the chain."
    ),
    _counter(
        "platform_payments_total",
        "Payments by kind (deposit, withdrawal) and outcome (success, failure).",
        "kind",
        "outcome",
    ),
    _counter(
        "platform_business_transactions_total",
        "Business transactions by name and outcome (success, failure).",
        "transaction",
        "outcome",
    ),
    _gauge("platform_job_queue_depth", "Jobs that wait.", "queue", workers="livemostrecent"),
    _histogram(
        "platform_job_duration_seconds",
        "Time that jobs take, by outcome (success, failure).",
        "queue",
        "outcome",
        buckets=LATENCY,
    ),
    _counter(
        "platform_cache_requests_total",
        "Cache look-ups by result (hit, miss).",
        "cache",
        "result",
    ),
    _counter("platform_market_data_updates_total", "Market data updates received.", "feed"),
    _gauge(
        "platform_market_data_timestamp_seconds",
        "Time of the latest market data update.",
        "feed",
        workers="mostrecent",
    ),
    _histogram(
        "platform_market_data_latency_seconds",
        "From the event to its arrival in the feed.",
        "feed",
        buckets=LATENCY,
    ),
    _gauge(
        "platform_market_data_connected",
        "1 while the feed is connected.",
        "feed",
        workers="livemostrecent",
    ),
    _gauge(
        "platform_market_data_deviation_ratio",
        "Relative difference between the feed and the pool's price.",
        "feed",
        workers="livemostrecent",
    ),
)
"""Every metric of this package."""
