"""Windows and holds: as written in production, shrunk in the sample, never too short."""

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.demo.profile import DEMO
from dexwatch.metrics.profile import PRODUCTION, duration
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.rules.registry import ALERTS

PROVES = ("S-SAMPLE",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


scrape_classes = st.sampled_from(list(ScrapeClass))
profiles = st.sampled_from([PRODUCTION, DEMO])
seconds = st.floats(min_value=0, max_value=10 * 86_400)


@given(profiles, scrape_classes, seconds)
def test_a_window_never_holds_fewer_than_four_scrapes(profile, scrape_class, length):
    assert profile.window_ms(length, scrape_class) >= 4 * profile.scrape_ms(scrape_class)


@given(profiles, scrape_classes, seconds, seconds)
def test_a_longer_window_never_becomes_the_shorter_one(profile, scrape_class, one, other):
    low, high = sorted((one, other))
    assert profile.window_ms(low, scrape_class) <= profile.window_ms(high, scrape_class)


@given(seconds)
def test_the_sample_holds_for_at_most_four_seconds(length):
    assert DEMO.hold_ms(length) <= 4000
    assert (DEMO.hold_ms(length) == 0) == (length == 0)


def test_production_keeps_what_the_rule_says():
    assert PRODUCTION.window(300, ScrapeClass.CRITICAL) == "5m"
    assert PRODUCTION.hold_ms(90) == 90_000
    assert [PRODUCTION.scrape_ms(c) / 1000 for c in ScrapeClass] == [5, 15, 30, 60, 300]


def test_the_sample_reacts_within_seconds():
    assert DEMO.window(300, ScrapeClass.CRITICAL) == "10s"
    assert DEMO.window(86_400, ScrapeClass.HIGH) == "2m"
    slowest = max(DEMO.hold_ms(rule.for_seconds) for rule in ALERTS)
    assert slowest <= 4000


@given(st.integers(min_value=0, max_value=10**9))
def test_a_duration_says_what_it_means(milliseconds):
    sizes = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
    text = duration(milliseconds)
    number = text.rstrip("msdh")
    assert int(number) * sizes[text[len(number) :]] == milliseconds


def test_a_panel_of_the_last_hour_shows_the_hour_in_the_sample_too():
    assert SteppedWindows(DEMO).window(3600, ScrapeClass.CRITICAL) == "1h"
    assert SteppedWindows(DEMO).window(300, ScrapeClass.CRITICAL) == "10s"
    assert SteppedWindows(PRODUCTION, 7200).window(3600, ScrapeClass.CRITICAL) == "2h"
