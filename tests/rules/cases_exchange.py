"""Cases of rules on what the exchange does: sign-ins, trades, contracts, payments, jobs."""

from dexwatch.metrics import platform
from tests.fakes.promtool import Case, Counter, Gauge, histogram, outcomes

CASES_EXCHANGE = (
    Case(
        "AuthFailureRateHigh",
        outcomes(
            "platform_auth_attempts_total",
            'method="password"',
            good='outcome="success"',
            bad='outcome="failure"',
            share=0.11,
            just=0.099,
            usual=0.02,
        ),
        quiet=0.1,
    ),
    Case("SuspiciousIpActivity", (Gauge("platform_auth_suspicious_sources", 0, 1, 0),)),
    Case(
        "UnauthorizedAccess",
        (
            Counter(
                'platform_authorization_failures_total{reason="forbidden",service="api"}',
                0,
                0.17,
                0.166,
            ),
            Counter(
                'platform_authorization_failures_total{reason="expired",service="api"}', 5, 5, 5
            ),
        ),
    ),
    Case(
        "RateLimitAbuse",
        (Counter('platform_rate_limited_total{http_route="/q",service="api"}', 0, 1.1, 0.99),),
    ),
    Case(
        "TradingSuccessLow",
        (
            Counter('platform_trades_total{pair="A",outcome="success"}', 1, 0.89, 0.901),
            Counter('platform_trades_total{pair="A",outcome="reverted"}', 0, 0.11, 0.099),
            # Orders refused for the user's sake do not count against us.
            Counter('platform_trades_total{pair="A",outcome="rejected"}', 0, 0, 1),
        ),
        quiet=0.05,
    ),
    Case(
        "TradeFailuresHigh",
        (
            Counter('platform_trades_total{pair="A",outcome="success"}', 1, 0.89, 0.901),
            Counter('platform_trades_total{pair="A",outcome="rejected"}', 0, 0.11, 0.099),
        ),
        quiet=0.05,
    ),
    Case(
        "TransactionProcessingFailing",
        (
            Counter("platform_transactions_submitted_total", 1, 1, 1),
            Counter("platform_transaction_confirmation_seconds_count", 1, 0.49, 0.51),
        ),
        quiet=0.05,
    ),
    Case(
        "ConfirmationsSlow",
        histogram(platform.confirmation_seconds, "", usual=0.9, bad=4, just=3),
        quiet=0.01,
    ),
    Case(
        "TradingVolumeDrop",
        (
            Counter('dex_volume_usd_total{pool="A"}', 100, 45, 55),
            # Without fewer swaps the past was only inflated by a whale.
            Counter('dex_swaps_total{pool="A"}', 1, 0.5, 0.5, quiet=1.0),
        ),
        warm=240,
        fault=40,
        quiet=1.0,
    ),
    Case("HighValueTrade", (Counter('dex_high_value_swaps_total{pool="A"}', 0, 0.005, 0),)),
    Case("PriceMovedAbnormally", (Gauge('dex_pool_price{pool="A"}', 300, 331, 329),), fault=3),
    Case(
        "EventsMalformed",
        (Counter('dex_events_malformed_total{address="0xa"}', 0, 0.0065, 0.0052),),
        fault=35,
        after=45,
    ),
    Case(
        "SwapsWithoutPrice",
        (
            Counter('dex_swaps_total{pool="A"}', 0.5, 0.5, 0.5),
            Counter('dex_swaps_unpriced_total{pool="A"}', 0, 0, 0),
            Counter('dex_swaps_total{pool="B"}', 0.5, 0.5, 0.5),
            Counter('dex_swaps_unpriced_total{pool="B"}', 0.05, 0.22, 0.19),
        ),
        fault=40,
        after=45,
        quiet=0.02,
    ),
    Case(
        "MarketDataStale",
        (
            Counter(
                'platform_market_data_timestamp_seconds{feed="pools"}',
                1,
                0,
                1,
                after=3,
                just_start=-60,
            ),
        ),
    ),
    Case(
        "MarketDataDisconnected",
        (Gauge('platform_market_data_connected{feed="pools"}', 1, 0, 1, blip=2),),
    ),
    Case(
        "ContractCallsFailing",
        outcomes(
            "contract_calls_total",
            'contract="router",method="swap"',
            good='outcome="success"',
            bad='outcome="reverted"',
            share=0.26,
            just=0.249,
            usual=0.05,
        ),
        quiet=0.01,
    ),
    Case("ContractPaused", (Gauge('contract_paused{contract="vault"}', 0, 1, 0),)),
    Case(
        "RegistrationsFailing",
        outcomes(
            "platform_registrations_total",
            "",
            good='outcome="success"',
            bad='outcome="failure"',
            share=0.21,
            just=0.199,
            usual=0.02,
        ),
        quiet=0.01,
    ),
    Case(
        "PaymentsFailing",
        outcomes(
            "platform_payments_total",
            'kind="deposit"',
            good='outcome="success"',
            bad='outcome="failure"',
            share=0.11,
            just=0.099,
            usual=0.02,
        ),
        quiet=0.01,
    ),
    Case("DataSyncDelayed", (Gauge('business_sync_delay_seconds{dataset="trades"}', 2, 61, 60),)),
    Case("QueueDepthHigh", (Gauge('platform_job_queue_depth{queue="mail"}', 5, 1001, 1000),)),
    Case(
        "JobsFailing",
        outcomes(
            platform.job_seconds.count(),
            'queue="mail"',
            good='outcome="success"',
            bad='outcome="failure"',
            share=0.26,
            just=0.249,
        ),
        quiet=0.05,
    ),
)
