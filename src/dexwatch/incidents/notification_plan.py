"""Reaching people: whom to page, how to keep messages up to date, what to do when it fails."""

from dataclasses import replace
from datetime import datetime, timedelta

from dexwatch.backoff import Backoff
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
    IncidentState,
    Notification,
    NotificationReason,
    NotificationState,
    TimelineEntry,
    notification_id,
)
from dexwatch.incidents.state import Decision, GroupState, Reason

TRIES_BEFORE_FALLBACK = 3
"""So many failed attempts of an urgent page start another way beside the retries."""

LONGEST_WAIT = 5.0
"""An urgent page that must wait for more seconds than this starts another way at once."""

_AGAIN = Backoff(first=360.0, most=900.0, spread=0.1)
"""How long after a round that reached nobody the next one begins; 5 to 15 minutes."""

_DEBOUNCE = timedelta(seconds=30)
_LONGEST_DEBOUNCE = timedelta(minutes=15)


def page_everyone(
    state: GroupState, incident: Incident, why: NotificationReason, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    """Begin a new round of pages to all routes of the incident's severity."""
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
        key = f"nobody/{incident.notification_round}"
        return state, (line(incident, key, now, "page", text),)
    effects: tuple[Effect, ...] = ()
    for route in routes:
        state, more = _plan(state, incident, route, why, now)
        effects += more
    return state, effects


def updates(state: GroupState, reason: UpdateReason) -> tuple[Effect, ...]:
    """Return one update for each recipient that has been paged.

    While a fault flaps, the updates are held back ever longer and so become one.
    """
    incident = state.incident
    if incident is None:
        return ()
    delay = _debounce(incident.reopened)
    return tuple(
        UpdateMessage(incident.id, route.channel, route.recipient, reason, delay)
        for route in state.summary.recipients
    )


def line(
    incident: Incident, key: str, at: datetime, kind: str, text: str, *, by: str = "dexwatch"
) -> AddTimeline:
    """Return the effect that adds a line to the incident's story."""
    return AddTimeline(TimelineEntry(incident.id, key, at, kind, by, text))


def attempted(state: GroupState, event: NotificationAttempted, now: datetime) -> Decision:
    """Judge how one attempt ended. A late answer never moves a delivered page back."""
    incident, page = state.incident, state.notifications.get(event.notification_id)
    if incident is None or page is None:
        return Decision(state, (), Reason.NO_SUCH_NOTIFICATION)
    if page.state is NotificationState.DELIVERED:
        return Decision(state, (), Reason.REPEATED)
    page = replace(page, attempts=max(page.attempts, event.attempt), detail=event.detail)
    where = f"{page.channel} {page.recipient}"
    if event.result is DeliveryOutcome.DELIVERED:
        page = replace(page, state=NotificationState.DELIVERED, delivered_at=now)
        state = replace(
            state.with_notification(page),
            incident=replace(incident, delivered_at=incident.delivered_at or now),
        )
        entry = line(
            incident, f"page/{page.id}", now, "page", f"The page was delivered to {where}."
        )
        return Decision(state, (entry,), Reason.DELIVERED)
    if event.result is DeliveryOutcome.RETRYABLE:
        waits = (event.retry_in or 0.0) > LONGEST_WAIT
        page = replace(page, state=NotificationState.HELD if waits else NotificationState.PLANNED)
        state = state.with_notification(page)
        if page.attempts < TRIES_BEFORE_FALLBACK and not waits:
            return Decision(state, (), Reason.DELIVERY_RETRYABLE)
        state, effects = _otherwise(state, incident, page, now)
        return Decision(state, effects, Reason.DELIVERY_RETRYABLE)
    return _failed(state, incident, page, event, now)


def _failed(
    state: GroupState,
    incident: Incident,
    page: Notification,
    event: NotificationAttempted,
    now: datetime,
) -> Decision:
    where = f"{page.channel} {page.recipient}"
    if event.result is DeliveryOutcome.FAILED:
        page, reason = replace(page, state=NotificationState.FAILED), Reason.DELIVERY_FAILED
        text = f"{where} cannot be reached: {event.detail}"
    else:
        page, reason = replace(page, state=NotificationState.UNKNOWN), Reason.DELIVERY_UNKNOWN
        text = f"It is not known whether {where} has the page; it is tried again."
    state = state.with_notification(page)
    key = f"page/{page.id}/{event.result}/{event.attempt}"
    state, effects = _otherwise(state, incident, page, now)
    return Decision(state, (line(incident, key, now, "page", text), *effects), reason)


def _otherwise(
    state: GroupState, incident: Incident, page: Notification, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    """See to it that an urgent page, or a lost one, reaches somebody in another way.

    Whoever waits is expedited once and never again, so that failures cannot expedite each other.
    While all that is planned is in trouble, the next route is tried: another channel first, then a
    colleague on the same one.
    """
    lost = page.state is NotificationState.FAILED
    waits = incident.state is IncidentState.OPEN
    # What was sent again only because nobody had answered is not told elsewhere after an answer.
    answered = page.why is NotificationReason.UNREACHED and not waits
    if not lost and (answered or page.severity not in URGENT):
        return state, ()
    others = [
        p
        for p in state.notifications.values()
        if p.notification_round == page.notification_round and p.id != page.id
    ]
    if any(p.state is NotificationState.DELIVERED for p in others):
        return state, ()
    effects: tuple[Effect, ...] = ()
    hopeful = False
    for other in others:
        if other.state is NotificationState.FAILED:
            continue
        planned = other.state is NotificationState.PLANNED
        hopeful = hopeful or (planned and other.attempts < TRIES_BEFORE_FALLBACK)
        if planned and other.attempts and not other.expedited:
            state = state.with_notification(replace(other, expedited=True))
            effects += (ExpediteNotification(other.id),)
    if hopeful:
        return state, effects
    routes = () if answered else incident.policy.everyone()
    elsewhere = sorted(routes, key=lambda route: route.channel == page.channel)
    for route in elsewhere:
        identity = notification_id(
            incident.id, page.notification_round, route.channel, route.recipient
        )
        if identity not in state.notifications:
            at_page = replace(incident, notification_round=page.notification_round)
            state, more = _plan(state, at_page, route, NotificationReason.FALLBACK, now)
            return state, (*effects, *more)
    newest = page.notification_round == incident.notification_round
    if newest and all(p.state is NotificationState.FAILED for p in (page, *others)):
        state, more = _reached_nobody(state, incident, now)
        effects += more
    return state, effects


def _reached_nobody(
    state: GroupState, incident: Incident, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    if incident.state is IncidentState.OPEN and incident.severity in URGENT:
        return _again(state, incident, now)
    # Whoever was told nothing must be paged when the fault returns, however soon that is.
    return replace(state, incident=replace(incident, last_paged_at=None)), ()


def _again(
    state: GroupState, incident: Incident, now: datetime
) -> tuple[GroupState, tuple[Effect, ...]]:
    """Begin a later round of pages, since all of this one were refused.

    The routes are the present ones: somebody may have mended them since the incident opened.
    `last_paged_at` stays as it is, so that this round quietens nothing.
    """
    delay = timedelta(seconds=_AGAIN.delay(incident.notification_round, key=incident.id))
    incident = replace(incident, notification_round=incident.notification_round + 1)
    state = replace(state, incident=incident)
    minutes = round(delay.total_seconds() / 60)
    text = f"Nobody could be reached. All are paged again in {minutes} minutes."
    key = f"unreached/{incident.notification_round}"
    effects: tuple[Effect, ...] = (line(incident, key, now, "page", text),)
    present = state.policy.routes_for(incident.severity)
    for route in present or incident.policy.routes_for(incident.severity):
        state, more = _plan(state, incident, route, NotificationReason.UNREACHED, now, delay=delay)
        effects += more
    return state, effects


def _plan(
    state: GroupState,
    incident: Incident,
    route: Route,
    why: NotificationReason,
    now: datetime,
    *,
    delay: timedelta = timedelta(0),
) -> tuple[GroupState, tuple[Effect, ...]]:
    page = Notification(
        incident_id=incident.id,
        notification_round=incident.notification_round,
        channel=route.channel,
        recipient=route.recipient,
        severity=incident.severity,
        why=why,
        planned_at=now,
    )
    if page.id in state.notifications:
        return state, ()
    return state.with_notification(page), (PlanNotification(page, delay),)


def _debounce(reopened: int) -> timedelta:
    if reopened <= 1:
        return timedelta(0)
    return min(_DEBOUNCE * (1 << min(reopened - 2, 8)), _LONGEST_DEBOUNCE)
