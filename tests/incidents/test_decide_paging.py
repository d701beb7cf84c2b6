"""Whom a page that does not arrive is sent to instead, and when."""

from dataclasses import replace

from dexwatch.incidents.effects import ExpediteNotification
from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import DeliveryOutcome, NotificationReason
from dexwatch.incidents.state import Decision, Reason
from dexwatch.metrics.severity import Severity
from tests.fakes.alerts import ALERTS, ANA, BO, POLICY, SLACK, fire
from tests.fakes.world import World, paged


def outcome(
    w: World,
    channel: str,
    result: DeliveryOutcome,
    attempt: int = 1,
    retry_in: float | None = 1.0,
) -> Decision:
    page = next(p for p in w.planned if p.channel == channel)
    event = NotificationAttempted(page.incident_id, page.id, result, attempt, "why", retry_in)
    return w.apply(event, 5)


def fails(w: World, channel: str, attempt: int, **more: object) -> Decision:
    return outcome(w, channel, DeliveryOutcome.RETRYABLE, attempt, **more)


def expedited(decision: Decision) -> set[str]:
    return {e.notification_id for e in decision.effects if isinstance(e, ExpediteNotification)}


def test_a_page_in_its_back_off_is_expedited_by_anothers_failure_once_and_never_again() -> None:
    w = World()
    w.policy = replace(POLICY, routes={Severity.P0: (SLACK, ANA)})
    w.apply(fire(), 0)
    assert expedited(fails(w, "email", 1)) == set()
    assert expedited(outcome(w, "slack", DeliveryOutcome.UNKNOWN)) == {
        "INC-1/1/email/ana@example.org"
    }
    found = [
        expedited(fails(w, channel, attempt))
        for attempt in range(2, 40)
        for channel in ("slack", "email")
    ]
    assert sum(map(len, found)) <= 1, "each of the two is expedited once at most"


def test_a_page_that_waits_for_its_channel_is_not_expedited() -> None:
    w = World()
    w.policy = replace(POLICY, routes={Severity.P0: (SLACK, ANA)})
    w.apply(fire(), 0)
    fails(w, "email", 1, retry_in=60)
    assert expedited(fails(w, "slack", 3)) == set()


def test_a_channel_that_asks_to_wait_starts_another_way_at_once() -> None:
    w = World()
    w.policy = replace(POLICY, routes={Severity.P0: (SLACK,), Severity.P3: (BO,)})
    w.apply(fire(), 0)
    assert paged(fails(w, "slack", 1, retry_in=4)) == []
    assert paged(fails(w, "slack", 2, retry_in=30)) == [BO]


def test_the_fallback_may_be_a_colleague_on_the_same_channel() -> None:
    w = World()
    w.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (BO,)})
    w.apply(fire(), 0)
    assert paged(outcome(w, "email", DeliveryOutcome.FAILED)) == [BO]


def test_another_channel_comes_before_a_colleague_on_the_same_one() -> None:
    w = World()
    w.policy = Policy(routes={Severity.P0: (ANA,), Severity.P2: (BO,), Severity.P3: (ALERTS,)})
    w.apply(fire(), 0)
    assert paged(outcome(w, "email", DeliveryOutcome.FAILED)) == [ALERTS]


def test_while_all_planned_notifications_fail_the_next_route_is_tried() -> None:
    w = World()
    w.policy = Policy(routes={Severity.P0: (SLACK, ANA), Severity.P3: (BO,)})
    w.apply(fire(), 0)
    assert paged(fails(w, "slack", 3)) == [], "the mail may still get through"
    fails(w, "email", 1)
    fails(w, "email", 2)
    assert paged(fails(w, "email", 3)) == [BO]


def test_a_delivered_page_stays_delivered() -> None:
    w = World()
    w.apply(fire(), 0)
    assert outcome(w, "slack", DeliveryOutcome.DELIVERED).reason is Reason.DELIVERED
    assert outcome(w, "slack", DeliveryOutcome.FAILED).reason is Reason.REPEATED


def test_the_timeline_never_says_that_who_was_paged_has_accepted() -> None:
    w = World()
    w.apply(fire(), 0)
    said = str(outcome(w, "slack", DeliveryOutcome.DELIVERED).effects)
    assert "The page was delivered to slack" in said


def test_an_unknown_p3_page_disturbs_nobody_else() -> None:
    w = World()
    w.apply(fire("DiskUse60", "P3"), 0)
    decision = outcome(w, "email", DeliveryOutcome.UNKNOWN)
    assert paged(decision) == []


def test_while_nobody_was_reached_the_next_route_is_paged_until_none_is_left() -> None:
    w = World()
    w.apply(fire("DiskUse60", "P3"), 0)
    decision = outcome(w, "email", DeliveryOutcome.FAILED)
    assert paged(decision) == [SLACK]
    assert w.planned[-1].why is NotificationReason.FALLBACK
    assert paged(outcome(w, "slack", DeliveryOutcome.FAILED)) == [ANA]
    for _ in range(9):
        for page in w.planned[:]:
            w.apply(NotificationAttempted("INC-1", page.id, DeliveryOutcome.FAILED, 1), 5)
    assert {Route(p.channel, p.recipient) for p in w.planned} == set(POLICY.everyone())


def test_three_failed_attempts_of_a_p0_start_another_channel() -> None:
    w = World()
    only_slack = {Severity.P0: (SLACK,), Severity.P3: (BO,)}
    w.policy = replace(POLICY, routes=only_slack)
    w.apply(fire(), 0)
    assert paged(outcome(w, "slack", DeliveryOutcome.RETRYABLE, 2)) == []
    assert paged(outcome(w, "slack", DeliveryOutcome.RETRYABLE, 3)) == [BO]


def test_a_severity_without_routes_is_noted_in_the_timeline_and_a_p0_always_has_one() -> None:
    w = World()
    w.policy = Policy(routes={Severity.P2: (ALERTS,)})
    decision = w.apply(fire("DiskUse60", "P3"), 0)
    assert any("Nobody is configured" in getattr(e, "entry", e).text for e in decision.effects)
    assert paged(w.apply(fire(alert_group="other"), 0)) == [ALERTS]
