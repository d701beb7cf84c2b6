"""Windows and holds: as written in production, shrunk in the sample, never too short."""

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.rules.pace import PRODUCTION, SAMPLE, Cadence, duration
from dexwatch.rules.registry import ALERTS

cadences = st.sampled_from(list(Cadence))
paces = st.sampled_from([PRODUCTION, SAMPLE])
seconds = st.floats(min_value=0, max_value=10 * 86_400)


@given(paces, cadences, seconds)
def test_a_window_never_holds_fewer_than_four_scrapes(pace, cadence, length):
    assert pace.window_ms(length, cadence) >= 4 * pace.scrape_ms(cadence)


@given(paces, cadences, seconds, seconds)
def test_a_longer_window_never_becomes_the_shorter_one(pace, cadence, one, other):
    low, high = sorted((one, other))
    assert pace.window_ms(low, cadence) <= pace.window_ms(high, cadence)


@given(seconds)
def test_the_sample_holds_for_at_most_four_seconds(length):
    assert SAMPLE.hold_ms(length) <= 4000
    assert (SAMPLE.hold_ms(length) == 0) == (length == 0)


def test_production_keeps_what_the_rule_says():
    assert PRODUCTION.window(300, Cadence.CRITICAL) == "5m"
    assert PRODUCTION.hold(90) == "90s"
    assert [PRODUCTION.scrape_ms(c) / 1000 for c in Cadence] == [5, 15, 30, 60, 300]


def test_the_sample_reacts_within_seconds():
    assert SAMPLE.window(300, Cadence.CRITICAL) == "10s"
    assert SAMPLE.window(86_400, Cadence.HIGH) == "2m"
    slowest = max(SAMPLE.hold_ms(rule.for_seconds) for rule in ALERTS)
    assert slowest <= 4000


@given(st.integers(min_value=0, max_value=10**9))
def test_a_duration_says_what_it_means(milliseconds):
    sizes = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    text = duration(milliseconds)
    number = text.rstrip("msdh")
    assert int(number) * sizes[text[len(number) :]] == milliseconds
