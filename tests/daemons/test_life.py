from hypothesis import given
from hypothesis import strategies as st

from dexwatch.daemons.life import Backoff


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_pause_is_never_longer_than_its_bound_nor_less_than_half_of_its_step(ends, roll):
    backoff = Backoff(first_seconds=0.5, longest_seconds=30)
    pause = backoff.delay(ends, roll)
    assert 0.25 <= pause <= 30
    assert pause >= min(30, 0.5 * 2.0 ** min(ends - 1, 10)) / 2


@given(st.integers(1, 100))
def test_the_pause_doubles_until_the_bound(ends):
    backoff = Backoff(first_seconds=0.5, longest_seconds=30)
    assert backoff.delay(ends + 1, 1.0) == min(30, 2 * backoff.delay(ends, 1.0))
