"""What must never end in silence: many things, old things, refused pages, a clock put back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dexwatch.incidents.effects import PlanNotification
from dexwatch.incidents.events import (
    Acknowledged,
    AlertFired,
    ManuallyResolved,
    NotificationAttempted,
)
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import DeliveryOutcome, NotificationReason, NotificationState
from dexwatch.incidents.state import MAX_THINGS, Decision, Reason
from dexwatch.metrics.severity import Severity
from tests.fakes.alerts import ANA, POLICY, SLACK, at, clear, fire
from tests.fakes.world import World

_QUIET = POLICY.repage_interval.total_seconds()


def planned(decision: Decision) -> list[PlanNotification]:
    return [e for e in decision.effects if isinstance(e, PlanNotification)]


def down(n: int, seconds: float) -> AlertFired:
    return fire("HostDown", alert_group="host", start=seconds, host=f"h{n}")


def test_what_ended_long_ago_does_not_keep_a_new_thing_from_paging() -> None:
    w = World(confirm=False)
    w.apply(down(0, 0), 0)
    seconds = 0.0
    for n in range(1, MAX_THINGS):
        seconds += 3600
        w.apply(down(n, seconds), seconds)
        over = clear("HostDown", alert_group="host", start=seconds, end=seconds + 300, host=f"h{n}")
        w.apply(over, seconds + 300)
    seconds += timedelta(days=7).total_seconds()
    for n in (MAX_THINGS, MAX_THINGS + 1):
        decision = w.apply(down(n, seconds), seconds)
        assert decision.reason is Reason.ANOTHER_JOINED
        assert planned(decision)
        seconds += 60


def test_with_more_alerts_than_are_tracked_people_are_paged_at_the_repage_interval() -> None:
    w = World(confirm=False)
    for n in range(MAX_THINGS):
        w.apply(down(n, n * 20), n * 20)
    last = (MAX_THINGS - 1) * 20
    pages = []
    for n in range(30):
        seconds = last + (n + 1) * 60
        pages.append(bool(planned(w.apply(down(1000 + n, seconds), seconds))))
    assert sum(pages) == 30 * 60 / _QUIET
    assert pages.index(True) == _QUIET / 60 - 1
    known = fire("HostSlow", alert_group="host", host="h3")
    assert not planned(w.apply(known, last + 9000)), "the thing is known"


def refused(w: World, seconds: float) -> list[PlanNotification]:
    """Let every channel refuse every page for good, the fallbacks too; return the next round."""
    newest = w.incidents["INC-1"].notification_round
    while True:
        page = next(
            (
                p
                for p in w.notifications.values()
                if p.notification_round == newest and p.state is not NotificationState.FAILED
            ),
            None,
        )
        if page is None:
            return []
        event = NotificationAttempted("INC-1", page.id, DeliveryOutcome.FAILED, 1, "invalid_auth")
        decision = w.apply(event, seconds)
        if w.incidents["INC-1"].notification_round > newest:
            return planned(decision)


def world_of(*routes: Route, severity: Severity = Severity.P0) -> World:
    w = World(confirm=False)
    w.policy = Policy(routes={severity: routes})
    return w


def test_while_nobody_was_reached_an_urgent_incident_begins_round_after_round() -> None:
    w = world_of(SLACK, ANA)
    w.apply(fire(), 0)
    seconds, delays = 0.0, []
    for _ in range(6):
        plans = refused(w, seconds)
        assert {Route(p.notification.channel, p.notification.recipient) for p in plans} == {
            SLACK,
            ANA,
        }
        assert {p.notification.why for p in plans} == {NotificationReason.UNREACHED}
        assert len({p.delay for p in plans}) == 1
        delays.append(plans[0].delay)
        seconds += plans[0].delay.total_seconds()
    assert all(timedelta(minutes=5) <= delay <= timedelta(minutes=15) for delay in delays)
    assert delays[-1] > delays[0]


def test_no_new_round_begins_once_somebody_was_reached_or_has_answered() -> None:
    w = world_of(SLACK, ANA)
    w.apply(fire(), 0)
    first = w.planned[0]
    w.apply(NotificationAttempted("INC-1", first.id, DeliveryOutcome.DELIVERED, 1), 1)
    w.apply(NotificationAttempted("INC-1", w.planned[1].id, DeliveryOutcome.FAILED, 1), 2)
    assert w.incidents["INC-1"].notification_round == 1
    w = world_of(SLACK, ANA)
    w.apply(fire(), 0)
    w.apply(Acknowledged("INC-1", "bo", "1"), 1)
    assert refused(w, 2) == []


def test_a_fault_that_returns_pages_at_once_where_the_last_round_reached_nobody() -> None:
    """The last refusal comes while the fault is away, so that nobody waits for a later round."""
    w = world_of(SLACK, ANA)
    w.apply(fire(), 0)
    w.apply(clear(end=5), 5)
    assert refused(w, 10) == []
    again = w.apply(fire(start=20), 20)
    assert again.reason is Reason.REOPENED
    assert len(planned(again)) == 2


def test_a_later_round_that_was_called_off_quietens_no_fault_that_returns() -> None:
    w = world_of(SLACK, ANA)
    w.apply(fire(), 0)
    assert refused(w, 1)
    w.apply(clear(end=60), 60)
    assert w.apply(fire(start=120), 120).reason is Reason.REOPENED_QUIETLY, "the round is planned"
    w.apply(clear(start=120, end=180), 180)
    assert refused(w, 370) == [], "each page of the round was called off"
    again = w.apply(fire(start=420), 420)
    assert again.reason is Reason.REOPENED
    assert len(planned(again)) == 2


@pytest.mark.parametrize("severity", ["P2", "P3"])
def test_what_is_not_urgent_begins_no_new_round(severity: str) -> None:
    w = world_of(SLACK, severity=Severity(severity))
    w.apply(fire("CpuUse80", severity), 0)
    assert refused(w, 1) == []


def test_what_the_source_lists_as_firing_is_not_stale_though_its_clock_was_put_back() -> None:
    w = World(confirm=False)
    w.apply(fire(start=3600), 3600)
    w.apply(clear(start=3600, end=3900), 3900)
    again = fire(start=1800)
    assert w.apply(again, 1800).reason is Reason.STALE, "a message may be late"
    decision = w.apply(replace(again, seen_at=at(1830)), 1830)
    assert decision.reason is Reason.REOPENED
    assert planned(decision)
    over = clear(start=1800, end=2000)
    assert w.apply(over, 2000).reason is Reason.ALL_ALERTS_RESOLVED


HOUR = 3600.0


def test_a_fault_that_returns_pages_though_the_clock_was_put_back_a_day() -> None:
    w = World(confirm=False)
    w.apply(fire(start=25 * HOUR), 25 * HOUR)
    w.apply(clear(start=25 * HOUR, end=25 * HOUR + 60), 25 * HOUR + 60)
    pages = []
    for seconds in (HOUR, HOUR + 120, 3 * HOUR):
        seen = replace(fire(start=seconds), seen_at=at(seconds))
        pages.append(bool(planned(w.apply(seen, seconds))))
        w.apply(clear(start=seconds, end=seconds + 30), seconds + 30)
    assert pages == [True, False, True], "it is quiet for some minutes, not for a day"


def test_another_thing_pages_though_the_clock_was_put_back() -> None:
    w = World(confirm=False)
    w.apply(down(0, HOUR), HOUR)
    assert planned(w.apply(down(1, 60), 60))
    assert planned(w.apply(down(2, 120), 120))


def test_what_was_resolved_manually_and_still_fires_is_told_though_the_clock_was_put_back() -> None:
    w = World(confirm=False)
    w.apply(fire(start=HOUR), HOUR)
    w.apply(ManuallyResolved("INC-1", "bo", "1"), HOUR + 10)
    assert w.apply(fire(start=HOUR), 60).reason is Reason.REPEATED
    decision = w.apply(fire(start=HOUR), 60 + POLICY.reopen_window.total_seconds())
    assert decision.reason is Reason.STILL_FIRING
    assert planned(decision)


def test_the_times_of_an_incident_stay_in_order_when_the_clock_is_put_back() -> None:
    w = World(confirm=False)
    w.apply(fire(start=HOUR), HOUR)
    w.apply(Acknowledged("INC-1", "bo", "1"), 60)
    i = w.incidents["INC-1"]
    assert i.began_at <= i.detected_at <= i.ingested_at <= i.paged_at <= i.acknowledged_at
    assert i.acknowledged_at == i.changed_at == at(60)


def test_a_list_that_was_asked_for_before_the_resolve_is_stale() -> None:
    w = World(confirm=False)
    w.apply(fire(start=0), 0)
    w.apply(fire(start=50), 50)
    assert w.apply(replace(fire(start=0), seen_at=at(55)), 55).reason is Reason.STALE
    w.apply(clear(start=50, end=60), 60)
    assert w.apply(replace(fire(start=0), seen_at=at(58)), 62).reason is Reason.STALE
