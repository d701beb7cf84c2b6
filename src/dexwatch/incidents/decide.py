"""The one function that judges events; live use, replay, simulation and tests all call it.

It has no clock, no chance and no memory: the same state, event and time give the same answer.
Duplicate and late events change nothing, which is what lets every sender repeat itself.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, assert_never

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
from dexwatch.incidents.records import Alert, Incident
from dexwatch.incidents.resolved import resolved
from dexwatch.incidents.state import Decision, GroupState, Reason, Thing

_STEP = timedelta(minutes=1)
"""What was noted so far ahead of now was noted by a clock that has been put back since."""

_Noted = TypeVar("_Noted", Incident, Alert, Thing)


def decide(state: GroupState, event: Event, now: datetime) -> Decision:
    """Return what `event`, learned at `now`, makes of `state`.

    Time never runs backwards inside an incident: a clock that was put back by less than a minute is
    not believed, and by more than that what it had noted counts as a minute old. Else quiet times,
    which are reckoned from what was noted, would last until it has caught up.
    The incident's `version` rises exactly when there is something new to tell about it.
    """
    state = _put_back(state, now)
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


def _put_back(state: GroupState, now: datetime) -> GroupState:
    """Return the state as it is, or with nothing noted later than a minute before `now`."""
    incident, alert, things = state.incident, state.alert, state.summary.things
    noted = [_moments(record) for record in (incident, alert, *things) if record is not None]
    if all(moment <= now + _STEP for moments in noted for moment in moments.values()):
        return state
    if incident is not None:
        # It is not known for how long nobody has been paged, so that nothing is kept quiet.
        paged = incident.last_paged_at
        known = paged if paged is None or paged <= now else None
        incident = replace(_by(incident, now - _STEP), last_paged_at=known)
    return replace(
        state,
        incident=incident,
        alert=alert and _by(alert, now - _STEP),
        summary=replace(state.summary, things=tuple(_by(thing, now - _STEP) for thing in things)),
    )


def _by(record: _Noted, latest: datetime) -> _Noted:
    earlier: dict[str, Any] = {name: min(at, latest) for name, at in _moments(record).items()}
    return replace(record, **earlier)


def _moments(record: Incident | Alert | Thing) -> dict[str, datetime]:
    """Return the moments that we noted by name; `starts_at` is by the source's clock."""
    found = ((field.name, getattr(record, field.name)) for field in fields(record))
    return {n: at for n, at in found if isinstance(at, datetime) and n != "starts_at"}


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
