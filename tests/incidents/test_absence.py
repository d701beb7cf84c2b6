"""An alert is missing for as long as looks have found it missing, and no longer."""

from dexwatch.incidents.liveness.absence import Absence, looked
from tests.fakes.alerts import at

EPISODE = ("f", at(0))


def after(*seconds: float) -> float:
    known: list[Absence] = []
    for moment in seconds:
        known = looked(known, [EPISODE], at(moment), longest_look=60)
    (absence,) = known
    assert absence.episode == EPISODE
    return absence.seconds


def test_the_time_between_looks_is_summed_up() -> None:
    assert after(100) == 0
    assert after(100, 130, 160) == 60


def test_of_a_long_time_between_two_looks_little_is_believed() -> None:
    assert after(100, 4000) == 60


def test_a_clock_that_is_put_back_takes_nothing_away() -> None:
    assert after(100, 130, -3600, -3570) == 60


def test_one_look_that_finds_it_begins_anew() -> None:
    known = looked([], [EPISODE], at(0), longest_look=60)
    known = looked(known, [], at(30), longest_look=60)
    assert known == []
