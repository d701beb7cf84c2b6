"""A dead man's signal is missed in time, whatever happens to the clocks and to us."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dexwatch.incidents.liveness.signal import (
    HeartbeatTimeout,
    Signal,
    alive,
    checked,
    started,
)
from tests.fakes.alerts import at

TIMEOUT = HeartbeatTimeout(silence=60, grace=180)
STEP = TIMEOUT.check_interval


def heard(signal: Signal) -> Signal:
    return replace(signal, heartbeats=signal.heartbeats + 1)


def listen(signal: Signal, seconds: float, since: float) -> Signal:
    for look in range(int(seconds / STEP) + 1):
        signal = checked(signal, at(since + look * STEP), TIMEOUT)
    return signal


def test_a_signal_that_never_came_is_missing_after_the_grace_and_not_before() -> None:
    signal = started(Signal("alertmanager"), TIMEOUT)
    assert not listen(signal, 175, 0).missing
    assert listen(signal, 180, 0).missing


def test_a_signal_that_stops_is_missing_after_the_silence_and_back_with_the_next() -> None:
    signal = checked(heard(started(Signal("alertmanager"), TIMEOUT)), at(0), TIMEOUT)
    assert not listen(signal, 50, 5).missing
    missing = listen(signal, 60, 5)
    assert (missing.missing, missing.missing_since) == (True, at(60))
    assert not checked(heard(missing), at(70), TIMEOUT).missing


def test_our_own_absence_and_a_clock_put_forward_are_no_silence() -> None:
    signal = checked(heard(Signal("alertmanager")), at(0), TIMEOUT)
    assert not checked(signal, at(3600), TIMEOUT).missing


def test_the_next_episode_is_later_though_the_clock_was_put_back() -> None:
    first = listen(heard(Signal("alertmanager")), 65, 0)
    second = listen(heard(first), 65, -3600)
    assert first.missing_since is not None
    assert second.missing_since is not None
    assert second.missing
    assert second.missing_since - first.missing_since == timedelta(milliseconds=1)


def test_a_source_is_alive_only_if_we_looked_of_late_and_its_signal_came() -> None:
    heard_at_0 = replace(checked(heard(Signal("alertmanager")), at(0), TIMEOUT), seen_at=at(0))
    assert alive(heard_at_0, at(0), TIMEOUT)
    assert alive(heard_at_0, at(TIMEOUT.longest_check), TIMEOUT)
    assert alive(heard_at_0, at(-TIMEOUT.longest_check), TIMEOUT), "a clock may have been put back"
    for unknown in (
        replace(heard_at_0, checked_at=None),
        replace(heard_at_0, seen_at=None),
        replace(heard_at_0, missing=True),
        replace(heard_at_0, silent=-0.1),
        replace(heard_at_0, silent=TIMEOUT.silence),
    ):
        assert not alive(unknown, at(0), TIMEOUT)
    assert alive(replace(heard_at_0, silent=TIMEOUT.silence - 0.1), at(0), TIMEOUT)
    assert not alive(heard_at_0, at(TIMEOUT.longest_check + 0.1), TIMEOUT)


@given(st.lists(st.sampled_from(["beat", "quiet", "back", "forward", "restart"]), max_size=80))
def test_the_signal_is_missing_exactly_after_its_timeout_of_listening(
    schedule: list[str],
) -> None:
    wall, signal, quiet, long = 0.0, started(Signal("alertmanager"), TIMEOUT), 0.0, 180.0
    signal = checked(signal, at(wall), TIMEOUT)
    for what in schedule:
        wall += STEP
        quiet += STEP
        if what == "beat":
            signal, quiet, long = heard(signal), 0.0, 60.0
        elif what == "restart":
            quiet, long, signal = 0.0, 180.0, started(signal, TIMEOUT)
        else:
            wall += {"back": -3600, "forward": 3600}.get(what, 0)
        was = signal.missing
        signal = checked(signal, at(wall), TIMEOUT)
        if what == "beat":
            assert not signal.missing
        elif quiet < long - 2 * STEP * (schedule.count("forward") + 1) and not was:
            assert not signal.missing, "only what was listened to counts"
        elif quiet >= long + STEP * (schedule.count("back") + 1):
            assert signal.missing, "a clock put back costs one look"
