"""What a service tells is what Prometheus reads."""

import pytest

from dexwatch_instrument import Bounded, Platform, PoolState, SuspiciousSources

PAIR = "WBNB/USDT"


@pytest.fixture
def platform() -> Platform:
    return Platform(pairs=[PAIR], transactions=["deposit"])


def value(platform: Platform, name: str, **labels: str) -> float | None:
    return platform.registry.get_sample_value(name, labels)


def test_known_series_start_at_zero(platform):
    for outcome in ("success", "reverted", "rejected", "error"):
        assert value(platform, "platform_trades_total", pair=PAIR, outcome=outcome) == 0
    assert value(platform, "platform_registrations_total", outcome="failure") == 0
    assert value(platform, "platform_authorization_failures_total", reason="expired") == 0


def test_a_trades_outcome_is_what_was_said_or_error(platform):
    with platform.trade(PAIR):
        pass
    with platform.trade(PAIR) as trade:
        trade.outcome = "reverted"
    with pytest.raises(RuntimeError), platform.trade(PAIR):
        raise RuntimeError
    for outcome in ("success", "reverted", "error"):
        assert value(platform, "platform_trades_total", pair=PAIR, outcome=outcome) == 1
    assert value(platform, "platform_trade_duration_seconds_count", pair=PAIR) == 3


def test_a_failed_job_or_transaction_is_counted_as_such(platform):
    with pytest.raises(ValueError, match="no"), platform.job("mail"), platform.business("deposit"):
        raise ValueError("no")
    labels = {"queue": "mail", "outcome": "failure"}
    assert value(platform, "platform_job_duration_seconds_count", **labels) == 1
    labels = {"transaction": "deposit", "outcome": "failure"}
    assert value(platform, "platform_business_transactions_total", **labels) == 1


def test_open_labels_are_bounded():
    platform = Platform(values=3)
    for number in range(50):
        platform.queued(f"queue-{number}", 1)
        with platform.trade(f"PAIR{number}"):
            pass
    series = [
        sample
        for family in platform.registry.collect()
        for sample in family.samples
        if sample.name in ("platform_job_queue_depth", "platform_trades_total")
    ]
    assert len(series) == 4 + 4


def test_the_pool_is_read_when_scraped(platform):
    state = PoolState(idle=3, used=1, most=10)
    platform.watch_pool("main", lambda: state)
    pool = {"db_client_connection_pool_name": "main"}
    assert value(platform, "db_client_connection_max", **pool) == 10
    used = value(platform, "db_client_connection_count", **pool, db_client_connection_state="used")
    assert used == 1


def test_market_data_tells_latency_and_deviation(platform):
    platform.market_connected("spot", connected=True)
    platform.market_update("spot", latency_seconds=0.03, deviation=0.002)
    assert value(platform, "platform_market_data_connected", feed="spot") == 1
    assert value(platform, "platform_market_data_deviation_ratio", feed="spot") == 0.002
    assert value(platform, "platform_market_data_latency_seconds_count", feed="spot") == 1


def test_a_source_is_suspicious_above_the_limit_until_the_window_has_passed():
    now = [0.0]
    sources = SuspiciousSources(limit=3, window=60, now=lambda: now[0])
    platform = Platform(sources=sources)
    seen = [platform.signed_in(success=False, source="198.51.100.7") for _ in range(4)]
    assert seen == [False, False, False, True]
    assert value(platform, "platform_auth_suspicious_sources") == 1
    now[0] = 61.0
    assert value(platform, "platform_auth_suspicious_sources") == 0


def test_slow_failures_are_not_suspicious():
    now = [0.0]
    sources = SuspiciousSources(limit=3, window=60, now=lambda: now[0])
    for _ in range(20):
        now[0] += 25
        assert not sources.failed("198.51.100.7")


def test_memory_for_sources_is_bounded():
    sources = SuspiciousSources(limit=1, keep=10)
    for number in range(1_000):
        sources.failed(f"address-{number}")
        sources.failed(f"address-{number}")
    assert sources.count() == 10


def test_bounded_keeps_known_values_beyond_the_limit():
    bounded = Bounded(1, known=["a", "b"])
    assert [bounded(value) for value in ("a", "b", "c")] == ["a", "b", "other"]
