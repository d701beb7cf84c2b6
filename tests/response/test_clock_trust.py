"""Retention deletes by no clock that has stepped ahead."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.response.clock_trust import ClockTrust, looked
from tests.fakes.alerts import at

HOUR, DAY = 3600.0, 86_400.0


def test_what_looks_find_in_turn() -> None:
    trust = ClockTrust(at(0), at(0))
    story = (
        ("the next look", 300, True, 0),
        ("a restart within the day", 20 * HOUR, True, 0),
        ("the clock was put back", 10 * HOUR, True, 0),
        ("a step ahead", 400 * DAY, False, 400 * DAY - 10 * HOUR),
        ("it goes on so", 400 * DAY + 300, False, 400 * DAY + 300 - 10 * HOUR),
        ("a step further", 900 * DAY, False, 900 * DAY - 10 * HOUR),
        ("it was corrected", 10 * HOUR + 900, True, 0),
    )
    for what, seconds, believed, step in story:
        trust = looked(trust, at(seconds))
        assert (trust.believed, trust.step_seconds) == (believed, step), what


def test_a_second_step_begins_the_wait_anew_and_a_correction_of_seconds_does_not() -> None:
    trust = looked(ClockTrust(at(0), at(0)), at(100 * DAY))
    for seconds in (300, 600, 595, 900):
        trust = looked(trust, at(100 * DAY + seconds))
    assert trust.even_seconds == 905
    assert looked(trust, at(300 * DAY)).even_seconds == 0


@given(st.lists(st.floats(1, 600), min_size=1, max_size=50), st.floats(2 * DAY, 4000 * DAY))
def test_less_than_three_days_of_looks_never_make_a_step_believed(
    pauses: list[float], step: float
) -> None:
    trust, now = looked(ClockTrust(at(0), at(0)), at(step)), at(step)
    for pause in pauses:
        now += timedelta(seconds=pause)
        trust = looked(trust, now)
        assert not trust.believed
