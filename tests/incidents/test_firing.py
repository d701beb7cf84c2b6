"""What an alert that fires does to the incident that it finds, at the edges of each window."""

import pytest

from dexwatch.incidents.effects import AddTimeline
from dexwatch.incidents.events import Acknowledged, ManuallyResolved, NotificationAttempted
from dexwatch.incidents.records import DeliveryOutcome, IncidentState, NotificationReason
from dexwatch.incidents.state import Decision, Reason
from tests.fakes.alerts import ANA, BO, POLICY, SLACK, clear, fire
from tests.fakes.world import World, paged

WINDOW = POLICY.reopen_window.total_seconds()
EVERYONE = [SLACK, ANA, BO]


def texts(decision: Decision) -> str:
    return " ".join(e.entry.text for e in decision.effects if isinstance(e, AddTimeline))


def test_the_version_rises_with_what_is_to_be_told_and_only_then() -> None:
    w = World()

    def version() -> int:
        return w.incidents["INC-1"].version

    w.apply(fire(), 0)
    first = version()
    w.apply(fire(), 5)
    assert version() == first, "the same alert again is nothing new"
    page = w.planned[0]
    w.apply(NotificationAttempted("INC-1", page.id, DeliveryOutcome.DELIVERED, 1), 6)
    assert version() == first, "that it was told is nothing to tell"
    w.apply(Acknowledged("INC-1", "bo", "1"), 7)
    assert version() == first + 1
    w.apply(clear(), 60)
    assert version() == first + 2


def test_an_act_that_is_repeated_counts_once() -> None:
    w = World()
    w.apply(fire(), 0)
    assert w.apply(Acknowledged("INC-1", "bo", "1"), 1).reason is Reason.ACKNOWLEDGED
    again = w.apply(Acknowledged("INC-1", "bo", "1"), 2)
    assert (again.reason, again.effects) == (Reason.DUPLICATE, ())


def test_a_suppressed_alert_opens_its_incident_when_it_is_suppressed_no_more() -> None:
    w = World()
    hidden = w.apply(fire(suppressed_by="silence 1"), 0)
    assert (hidden.reason, hidden.effects, w.incidents) == (Reason.SUPPRESSED, (), {})
    assert w.apply(fire(suppressed_by="silence 1"), 30).reason is Reason.REPEATED
    decision = w.apply(fire(), 60)
    assert (decision.reason, paged(decision)) == (Reason.OPENED, EVERYONE)


def test_an_alert_that_was_suppressed_joins_what_is_open_by_then() -> None:
    w = World()
    w.apply(fire("CpuUse80", "P2", suppressed_by="silence 1"), 0)
    w.apply(fire(), 10)
    assert w.apply(fire("CpuUse80", "P2"), 60).reason is Reason.JOINED


def test_an_alert_that_was_suppressed_returns_what_was_resolved_without_it() -> None:
    w = World()
    w.apply(fire(instance="b", suppressed_by="silence 1"), 0)
    w.apply(fire(instance="a"), 10)
    w.apply(ManuallyResolved("INC-1", "bo", "1"), 20)
    assert w.apply(fire(instance="b"), 60).reason is Reason.REOPENED


@pytest.mark.parametrize("late", [False, True])
def test_what_was_resolved_manually_and_fires_on_comes_back_after_the_window(late: bool) -> None:
    w = World()
    w.apply(fire(), 0)
    w.apply(ManuallyResolved("INC-1", "bo", "1"), 10)
    decision = w.apply(fire(), 10 + WINDOW + late)
    if not late:
        assert (decision.reason, decision.effects) == (Reason.REPEATED, ())
        return
    assert (decision.reason, paged(decision)) == (Reason.STILL_FIRING, EVERYONE)
    assert {p.why for p in w.planned[-3:]} == {NotificationReason.STILL_FIRING}
    assert decision.state.incident is not None
    assert decision.state.incident.previous == "INC-1"
    assert "It still fires after INC-1." in texts(decision)


def test_what_comes_back_by_itself_after_the_window_follows() -> None:
    w = World()
    assert "follows" not in texts(w.apply(fire(), 0))
    w.apply(clear(), 10)
    assert "It follows INC-1." in texts(w.apply(fire(start=9000), 9000))


@pytest.mark.parametrize(("seconds", "pages"), [(14.9, []), (15, EVERYONE)])
def test_another_thing_pages_when_the_burst_is_over(seconds: float, pages: list[object]) -> None:
    w = World()
    w.apply(fire(instance="a"), 0)
    decision = w.apply(fire(instance="b"), seconds)
    assert paged(decision) == pages
    assert ("about another thing" in texts(decision)) is bool(pages)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("owned", [False, True])
def test_a_mitigated_incident_goes_back_to_its_owner_or_pages_anew(late: bool, owned: bool) -> None:
    w = World(confirm=True)
    w.apply(fire(), 0)
    if owned:
        w.apply(Acknowledged("INC-1", "bo", "1"), 5)
    assert w.apply(clear(end=60), 60).reason is Reason.AWAITS_CONFIRMATION
    again = 60 + WINDOW + late
    decision = w.apply(fire(start=again), again)
    incident = decision.state.incident
    assert incident is not None
    assert incident.mitigated_at is None
    if late:
        assert paged(decision) == EVERYONE
        assert w.planned[-1].why is NotificationReason.REOPENED
        assert (incident.state, incident.owner) == (IncidentState.OPEN, None)
        return
    assert paged(decision) == []
    state = IncidentState.ACKNOWLEDGED if owned else IncidentState.OPEN
    assert (incident.state, incident.owner) == (state, "bo" if owned else None)


def test_a_page_that_does_not_go_out_again_is_said() -> None:
    w = World()
    w.apply(fire(), 0)
    w.apply(clear(end=10), 10)
    w.apply(fire(start=400), 400)
    w.apply(clear(start=400, end=410), 410)
    quiet = w.apply(fire(start=430), 430)
    assert (quiet.reason, paged(quiet)) == (Reason.REOPENED_QUIETLY, [])
    assert "Nobody is paged again so soon" in texts(quiet)


def test_an_alert_without_a_summary_says_so() -> None:
    w = World()
    decision = w.apply(fire(annotations={"x": "y"}), 0)
    assert "no summary was given." in texts(decision)
