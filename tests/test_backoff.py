import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.backoff import Backoff, Failures

POLICY = Backoff(first=1.0, most=30.0)
counts = st.integers(min_value=0, max_value=10_000)
keys = st.text(max_size=20)


@given(counts, keys)
def test_no_delay_is_longer_than_the_most_or_shorter_than_the_spread_allows(failures, key):
    assert 0.8 <= POLICY.delay(failures, key=key) <= 30.0


@given(st.integers(min_value=1, max_value=4), keys)
def test_the_nominal_delay_doubles_with_each_failure(failures, key):
    nominal = 2.0 ** (failures - 1)
    assert 0.8 * nominal <= POLICY.delay(failures, key=key) <= 1.2 * nominal


@given(counts, keys, st.floats(min_value=0, max_value=1e9))
def test_a_server_that_asks_for_time_gets_it_up_to_the_bound(failures, key, asked):
    delay = POLICY.delay(failures, key=key, retry_after=asked)
    assert delay >= min(asked, 300.0)
    assert delay <= 300.0


def test_callers_that_failed_together_do_not_come_back_together():
    assert len({POLICY.delay(3, key=f"page {n}") for n in range(50)}) > 20


def test_the_same_failure_has_the_same_delay():
    assert POLICY.delay(3, key="a") == POLICY.delay(3, key="a")


def test_a_success_makes_the_next_failure_the_first():
    failures = Failures(POLICY, key="node")
    first = failures.failed()
    for _ in range(10):
        failures.failed()
    failures.succeeded()
    assert failures.failed() == first


@pytest.mark.parametrize(
    "settings",
    [{"first": 0, "most": 1}, {"first": 2, "most": 1}, {"first": 1, "most": 1, "spread": 1}],
)
def test_a_policy_that_makes_no_sense_is_refused(settings):
    with pytest.raises(ValueError, match="not a back-off"):
        Backoff(**settings)
