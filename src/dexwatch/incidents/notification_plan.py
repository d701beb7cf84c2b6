"""Reaching people: whom to page, how to keep messages up to date, what to do when it fails."""

from dataclasses import replace
from datetime import datetime, timedelta

from dexwatch.incidents.effects import (
    AddTimeline,
    Effect,
    ExpediteNotification,
    PlanNotification,
    UpdateMessage,
    UpdateReason,
)
from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.policy import URGENT, Route
from dexwatch.incidents.records import (
    DeliveryOutcome,
    Incident,
    NotificationReason,
    NotificationState,
    Page,
    TimelineEntry,
    page_id,
)
from dexwatch.incidents.state import Decision, GroupState, Reason

TRIES_BEFORE_FALLBACK = 3
"""So many failed attempts of an urgent page start another channel beside the retries."""

_REPEAT_HOLD = timedelta(seconds=30)
_REPEAT_HOLD_LIMIT = timedelta(minutes=15)


def page_everyone(
    state: GroupState, incident: Incident, why: NotificationReason, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    """Begin a new notification_round of pages to all routes of the incident's severity."""
    incident = replace(
        incident,
        notification_round=incident.notification_round + 1,
        paged_at=incident.paged_at or now,
        last_paged_at=now,
    )
    state = replace(state, incident=incident)
    routes = incident.policy.routes_for(incident.severity)
    if not routes:
        text = (
            f"Nobody is configured to be told of {incident.severity}: see notify in dexwatch.yml."
        )
        return state, (line(incident, f"nobody/{incident.notification_round}", now, "page", text),)
    effects: tuple[Effect, ...] = ()
    for route in routes:
        state, more = _plan(state, incident, route, why, now)
        effects += more
    return state, effects


def updates(state: GroupState, event: UpdateReason, now: datetime) -> tuple[Effect, ...]:
    """Return one update for each recipient that has been paged.

    While a fault flaps, the updates are held back ever longer and so become one.
    """
    incident = state.incident
    if incident is None:
        return ()
    told = dict.fromkeys((p.channel, p.recipient) for p in state.pages.values())
    due = now + _hold(incident.reopened)
    return tuple(
        UpdateMessage(incident.id, channel, recipient, event, due) for channel, recipient in told
    )


def line(
    incident: Incident, key: str, at: datetime, kind: str, text: str, *, by: str = "dexwatch"
) -> AddTimeline:
    """Return the effect that adds a line to the incident's story."""
    return AddTimeline(TimelineEntry(incident.id, key, at, kind, by, text))


def page_outcome(state: GroupState, fact: NotificationAttempted, now: datetime) -> Decision:
    """Judge how one attempt ended. A late answer never moves an accepted page back."""
    incident, page = state.incident, state.pages.get(fact.page_id)
    if incident is None or page is None:
        return Decision(state, (), Reason.NO_SUCH_PAGE)
    if page.state is NotificationState.DELIVERED:
        return Decision(state, (), Reason.REPEATED)
    page = replace(page, attempts=max(page.attempts, fact.attempt), detail=fact.detail)
    where = f"{page.channel} {page.recipient}"
    if fact.result is DeliveryOutcome.DELIVERED:
        page = replace(page, state=NotificationState.DELIVERED, delivered_at=now)
        state = replace(
            state.with_page(page),
            incident=replace(incident, delivered_at=incident.delivered_at or now),
        )
        entry = line(incident, f"page/{page.id}", now, "page", f"{where} accepted the page.")
        return Decision(state, (entry,), Reason.PAGE_DELIVERED)
    if fact.result is DeliveryOutcome.RETRYABLE:
        state = state.with_page(page)
        if page.attempts < TRIES_BEFORE_FALLBACK:
            return Decision(state, (), Reason.PAGE_RETRYABLE)
        state, effects = _otherwise(state, incident, page, now)
        return Decision(state, effects, Reason.PAGE_RETRYABLE)
    return _failed(state, incident, page, fact, now)


def _failed(
    state: GroupState, incident: Incident, page: Page, fact: NotificationAttempted, now: datetime
) -> Decision:
    where = f"{page.channel} {page.recipient}"
    if fact.result is DeliveryOutcome.FAILED:
        page, reason = replace(page, state=NotificationState.FAILED), Reason.PAGE_FAILED
        text = f"{where} cannot be reached: {fact.detail}"
    else:
        page, reason = replace(page, state=NotificationState.UNKNOWN), Reason.PAGE_UNKNOWN
        text = f"It is not known whether {where} has the page; it goes out again."
    state = state.with_page(page)
    key = f"page/{page.id}/{fact.result}/{fact.attempt}"
    state, effects = _otherwise(state, incident, page, now)
    return Decision(state, (line(incident, key, now, "page", text), *effects), reason)


def _otherwise(
    state: GroupState, incident: Incident, page: Page, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    """See to it that an urgent page, or a lost one, reaches somebody on another channel."""
    lost = page.state is NotificationState.FAILED
    if not (lost or page.severity in URGENT):
        return state, ()
    others = [
        p
        for p in state.pages.values()
        if p.notification_round == page.notification_round and p.channel != page.channel
    ]
    if any(p.state is NotificationState.DELIVERED for p in others):
        return state, ()
    waiting = [p for p in others if p.state is not NotificationState.FAILED]
    if waiting:
        return state, tuple(ExpediteNotification(p.id) for p in waiting)
    for route in incident.policy.everyone():
        planned = page_id(incident.id, page.notification_round, route.channel, route.recipient)
        if route.channel != page.channel and planned not in state.pages:
            at_page = replace(incident, notification_round=page.notification_round)
            return _plan(state, at_page, route, NotificationReason.FALLBACK, now)
    return state, ()


def _plan(
    state: GroupState, incident: Incident, route: Route, why: NotificationReason, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    page = Page(
        incident_id=incident.id,
        notification_round=incident.notification_round,
        channel=route.channel,
        recipient=route.recipient,
        severity=incident.severity,
        why=why,
        planned_at=now,
    )
    if page.id in state.pages:
        return state, ()
    return state.with_page(page), (PlanNotification(page),)


def _hold(reopened: int) -> timedelta:
    if reopened <= 1:
        return timedelta(0)
    return min(_REPEAT_HOLD * (1 << min(reopened - 2, 8)), _REPEAT_HOLD_LIMIT)
