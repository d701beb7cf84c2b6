"""The reasons of `decide`, each with what it does and does not do."""

from dataclasses import replace

import pytest

from dexwatch.incidents.effects import (
    PlanNotification,
    UpdateMessage,
    UpdateReason,
)
from dexwatch.incidents.events import (
    Acknowledged,
    AlertFired,
    ManuallyResolved,
    Reopened,
)
from dexwatch.incidents.grouping import group_of, title_of
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import IncidentState, NotificationReason
from dexwatch.incidents.state import Decision, Reason
from dexwatch.metrics.severity import Severity
from tests.fakes.alerts import ALERTS, ANA, BO, POLICY, SLACK, at, clear, fire
from tests.fakes.world import World, paged


def told(decision: Decision) -> set[UpdateReason]:
    return {e.reason for e in decision.effects if isinstance(e, UpdateMessage)}


def test_the_first_alert_pages_everybody_of_its_severity() -> None:
    decision = World().apply(fire(), 1)
    assert decision.reason is Reason.OPENED
    assert paged(decision) == [SLACK, ANA, BO]
    assert decision.state.incident.title == "API uptime low"


def test_an_equal_or_lesser_alert_joins_without_a_page() -> None:
    w = World()
    w.apply(fire("ApiLatencyHigh", "P1"), 1)
    for name, severity in (("ErrorRateHigh", "P1"), ("CpuUse80", "P2")):
        decision = w.apply(fire(name, severity), 2)
        assert (decision.reason, paged(decision)) == (Reason.JOINED, [])
        assert told(decision) == {UpdateReason.JOINED}
    assert decision.state.incident.severity is Severity.P1


def test_a_rise_in_severity_pages_anew_and_asks_for_a_new_answer() -> None:
    w = World()
    w.apply(fire("CpuUse80", "P2"), 1)
    w.apply(Acknowledged("INC-1", "bo", "1"), 2)
    decision = w.apply(fire(), 3)
    assert decision.reason is Reason.SEVERITY_ROSE
    assert paged(decision) == [SLACK, ANA, BO]
    incident = decision.state.incident
    assert (incident.state, incident.owner, incident.notification_round) == (
        IncidentState.OPEN,
        None,
        2,
    )


def test_a_rise_is_told_once_to_each_by_a_page_or_else_by_an_update() -> None:
    policy = Policy(
        routes={Severity.P0: (SLACK,), Severity.P1: (SLACK, BO), Severity.P2: (SLACK, ANA)}
    )
    w = World()
    w.policy = policy
    w.apply(fire("CpuUse80", "P2"), 1)
    decision = w.apply(fire("ApiLatencyHigh", "P1"), 60)
    assert decision.reason is Reason.SEVERITY_ROSE
    assert paged(decision) == [SLACK, BO]
    updated = [e for e in decision.effects if isinstance(e, UpdateMessage)]
    assert [Route(e.channel, e.recipient) for e in updated] == [ANA]
    assert told(decision) == {UpdateReason.RAISED}


def test_the_incident_resolves_with_its_last_alert_and_notifies_everybody() -> None:
    w = World()
    w.apply(fire("ApiLatencyHigh", "P1"), 1)
    w.apply(fire("ErrorRateHigh", "P1"), 2)
    assert w.apply(clear("ApiLatencyHigh", "P1"), 60).reason is Reason.ALERT_RESOLVED
    decision = w.apply(clear("ErrorRateHigh", "P1"), 61)
    assert decision.reason is Reason.ALL_ALERTS_RESOLVED
    updates = [e for e in decision.effects if isinstance(e, UpdateMessage)]
    assert {Route(e.channel, e.recipient) for e in updates} == {ALERTS, BO}
    assert told(decision) == {UpdateReason.RESOLVED}


def test_with_confirmation_a_p0_waits_for_a_person_and_a_p2_does_not() -> None:
    w = World(confirm=True)
    w.apply(fire(), 1)
    decision = w.apply(clear(), 60)
    assert decision.reason is Reason.AWAITS_CONFIRMATION
    assert decision.state.incident.state is IncidentState.MITIGATED
    assert w.apply(ManuallyResolved("INC-1", "bo", "1"), 70).reason is Reason.MANUALLY_RESOLVED
    w.apply(fire("CpuUse80", "P2", alert_group="cpu"), 80)
    decision = w.apply(clear("CpuUse80", "P2", alert_group="cpu"), 90)
    assert decision.reason is Reason.ALL_ALERTS_RESOLVED


def test_a_flapping_fault_is_one_incident_and_ever_fewer_pages() -> None:
    w, pages = World(), 0
    for n in range(120):
        start = n * 60
        pages += bool(paged(w.apply(fire(start=start), start)))
        w.apply(clear(start=start), start + 30)
    assert len(w.incidents) == 1
    assert w.incidents["INC-1"].reopened == 119
    assert pages <= 4


def test_updates_of_a_flapping_fault_are_held_ever_longer() -> None:
    w = World()
    holds = []
    for n in range(12):
        decision = w.apply(fire(start=n * 60), n * 60)
        holds += [
            e.delay.total_seconds()
            for e in decision.effects
            if isinstance(e, UpdateMessage) and e.channel == "slack"
        ]
        w.apply(clear(start=n * 60), n * 60 + 30)
    assert holds[:4] == [0, 30, 60, 120]
    assert max(holds) == 900


@pytest.mark.parametrize("late", [False, True])
def test_a_returning_fault_reopens_within_the_window_and_is_linked_after_it(late: bool) -> None:
    w = World()
    w.apply(fire(), 0)
    w.apply(clear(), 10)
    again = 10 + POLICY.reopen_window.total_seconds() + (1 if late else 0)
    decision = w.apply(fire(start=again), again)
    assert decision.reason is (Reason.OPENED_LINKED if late else Reason.REOPENED)
    assert paged(decision) == [SLACK, ANA, BO]


def test_a_lost_resolve_between_two_episodes_is_one_spell_for_people() -> None:
    w = World()
    w.apply(fire(start=0), 0)
    assert w.apply(fire(start=50), 50).reason is Reason.RESTARTED
    assert w.apply(clear(start=0), 60).reason is Reason.STALE
    assert w.apply(clear(start=50), 70).reason is Reason.ALL_ALERTS_RESOLVED


def test_only_the_newest_incident_of_a_group_can_be_reopened() -> None:
    w = World()
    w.apply(fire(), 0)
    w.apply(clear(), 10)
    w.apply(fire(start=5000), 5000)
    assert w.apply(Reopened("INC-1", "bo", "1"), 5001).reason is Reason.SUPERSEDED
    assert w.apply(Acknowledged("INC-1", "bo", "2"), 5001).reason is Reason.ALREADY_RESOLVED
    assert w.apply(Acknowledged("INC-5", "bo", "3"), 5001).reason is Reason.NO_SUCH_INCIDENT


def database(instance: str, severity: str = "P0", name: str = "DatabaseDown", **more) -> AlertFired:
    labels = {"instance": instance} if instance else {}
    return fire(name, severity, alert_group="database", **labels, **more)


def test_a_second_thing_of_the_same_subject_pages_anew_and_asks_for_a_new_answer() -> None:
    w = World()
    w.apply(database("main"), 0)
    w.apply(Acknowledged("INC-1", "bo", "1"), 2)
    decision = w.apply(database("custody"), 3)
    assert decision.reason is Reason.ANOTHER_JOINED
    assert paged(decision) == [SLACK, ANA, BO]
    assert {p.why for p in w.planned} == {NotificationReason.OPENED, NotificationReason.ANOTHER}
    incident = decision.state.incident
    assert (incident.state, incident.owner, incident.notification_round) == (
        IncidentState.OPEN,
        None,
        2,
    )
    assert len(w.incidents) == 1


def test_a_burst_that_nobody_has_answered_pages_once() -> None:
    w = World()
    w.apply(database("main"), 0)
    assert paged(w.apply(database("custody"), 5)) == []
    assert paged(w.apply(database("third"), 14)) == []
    assert paged(w.apply(database("fourth"), 16)) == [SLACK, ANA, BO]


@pytest.mark.parametrize(
    "alert",
    [
        database("main", name="DatabaseSlow"),
        database("", name="DatabaseSlow"),
        database("custody", "P1"),
        database("custody", "P2"),
        database("main", name="DatabaseLocks", datname="orders"),
    ],
)
def test_the_same_thing_or_a_lesser_alert_does_not_page_anew(alert: AlertFired) -> None:
    w = World()
    w.apply(database("main"), 0)
    decision = w.apply(alert, 600)
    assert (decision.reason, paged(decision)) == (Reason.JOINED, [])


def test_an_alert_that_paged_nobody_pages_when_it_becomes_urgent() -> None:
    w = World()
    w.apply(database("main"), 0)
    assert paged(w.apply(database("custody", "P2", "DatabaseSlow"), 60)) == []
    assert paged(w.apply(database("", "P0", "DatabaseOdd"), 60)) == []
    assert paged(w.apply(database("custody"), 61)) == [SLACK, ANA, BO]


def test_another_thing_that_comes_and_goes_pages_once_in_the_window() -> None:
    w, pages = World(), 0
    w.apply(database("main"), 0)
    for n in range(1, 20):
        pages += bool(paged(w.apply(database("custody", start=n * 60), n * 60)))
        w.apply(
            clear("DatabaseDown", start=n * 60, alert_group="database", instance="custody"), n * 61
        )
    assert pages == 1
    assert paged(w.apply(database("custody", start=9000), 9000)) == [SLACK, ANA, BO]


def test_another_thing_pages_though_its_incident_returns_quietly() -> None:
    w = World()
    w.apply(database("main"), 0)
    w.apply(clear("DatabaseDown", alert_group="database", instance="main"), 60)
    decision = w.apply(database("custody", start=90), 90)
    assert (decision.reason, paged(decision)) == (Reason.REOPENED, [SLACK, ANA, BO])


def test_a_resolve_that_came_too_early_is_made_good() -> None:
    """Prometheus keeps an episode's start, which Alertmanager may have let expire meanwhile."""
    w = World()
    w.apply(fire(), 0)
    w.apply(clear(end=50), 50)
    assert w.apply(fire(), 109).reason is Reason.ALREADY_RESOLVED
    assert w.apply(fire(), 110).reason is Reason.REOPENED_QUIETLY
    assert w.apply(clear(end=120), 120).reason is Reason.ALL_ALERTS_RESOLVED
    seen = replace(fire(), seen_at=at(124))
    assert w.apply(seen, 200).reason is Reason.ALREADY_RESOLVED
    assert w.apply(replace(seen, seen_at=at(125)), 200).reason is Reason.REOPENED_QUIETLY


def test_a_clock_that_is_put_back_delays_no_page() -> None:
    """The moment is lifted to the incident's last change; no due time is reckoned from it."""
    w = World()
    w.apply(fire(), 3600)
    w.apply(clear(end=3700), 3700)
    decision = w.apply(fire(start=3650 + 400), 500)
    plans = [e for e in decision.effects if isinstance(e, UpdateMessage | PlanNotification)]
    assert plans
    assert all(e.delay.total_seconds() == 0 for e in plans if isinstance(e, UpdateMessage))


def test_groups_and_titles() -> None:
    labels = {"alertname": "CpuUse80", "alert_group": "cpu", "host": "dex-1"}
    assert group_of(labels, "g") == "alert_group/cpu/"
    assert group_of({}, "g") == "upstream/g"
    assert title_of("CpuUse80", labels, {}) == "CPU use 80 (dex-1)"
    assert title_of("", {}, {"title": " a\nb " * 99})[:3] == "a b"
    assert len(title_of("X" * 999, {}, {})) <= 150
