"""The one function that judges events; live use, replay, simulation and tests all call it.

It has no clock, no chance and no memory: the same state, event and time give the same answer.
Duplicate and late events change nothing, which is what lets every sender repeat itself.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from dexwatch.incidents.effects import PlanNotification, UpdateMessage
from dexwatch.incidents.events import (
    Acknowledged,
    ActionEvent,
    AlertFired,
    AlertResolved,
    Event,
    ManuallyResolved,
    NoteAdded,
    NotificationAttempted,
    Reopened,
)
from dexwatch.incidents.firing import fired
from dexwatch.incidents.manual_actions import acknowledged, manually_resolved, noted, reopened
from dexwatch.incidents.notification_plan import attempted
from dexwatch.incidents.resolved import resolved
from dexwatch.incidents.state import Decision, GroupState, Reason


def decide(state: GroupState, event: Event, now: datetime) -> Decision:
    """Return what `event`, learned at `now`, makes of `state`.

    A clock that was put back is not believed: time never runs backwards inside an incident. That
    orders what has happened and delays nothing, because effects carry delays and no due times.
    The incident's `version` rises exactly when there is something new to tell about it.
    """
    known = [state.alert.ingested_at] if state.alert is not None else []
    if state.incident is not None:
        known.append(state.incident.changed_at)
    now = max(now, *known) if known else now
    decision = _once(_judge(state, event, now))
    after = decision.state.incident
    if after is None or after == state.incident:
        return decision
    # That a message arrived is nothing that another message would tell.
    told = not isinstance(event, NotificationAttempted)
    if told and state.incident is not None and after.id == state.incident.id:
        after = replace(after, version=state.incident.version + 1)
    after = replace(after, changed_at=now)
    return replace(decision, state=replace(decision.state, incident=after))


def _once(decision: Decision) -> Decision:
    """Whoever is paged is told nothing else of the event: a page brings all up to date, too."""
    paged = {
        (effect.notification.channel, effect.notification.recipient)
        for effect in decision.effects
        if isinstance(effect, PlanNotification)
    }
    kept = tuple(
        effect
        for effect in decision.effects
        if not (isinstance(effect, UpdateMessage) and (effect.channel, effect.recipient) in paged)
    )
    return replace(decision, effects=kept)


def _judge(state: GroupState, event: Event, now: datetime) -> Decision:
    match event:
        case AlertFired():
            return fired(state, event, now)
        case AlertResolved():
            return resolved(state, event, now)
        case NotificationAttempted():
            return attempted(state, event, now)
        case Acknowledged() | ManuallyResolved() | Reopened() | NoteAdded():
            return _manual(state, event, now)
    assert_never(event)


def _manual(state: GroupState, event: ActionEvent, now: datetime) -> Decision:
    if state.incident is None:
        return Decision(state, (), Reason.NO_SUCH_INCIDENT)
    if state.seen:
        return Decision(state, (), Reason.DUPLICATE)
    match event:
        case Acknowledged():
            return acknowledged(state, state.incident, event, now)
        case ManuallyResolved():
            return manually_resolved(state, state.incident, event, now)
        case Reopened():
            return reopened(state, state.incident, event, now)
        case NoteAdded():
            return noted(state, state.incident, event, now)
    assert_never(event)
