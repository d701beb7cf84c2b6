"""The one function that judges facts; live use, replay, simulation and tests all call it.

It has no clock, no chance and no memory: the same state, fact and time give the same answer.
Duplicate and late facts change nothing, which is what lets every sender repeat itself.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from dexwatch.incidents.events import (
    Acknowledged,
    AlertFired,
    AlertResolved,
    Event,
    ManuallyResolved,
    NoteAdded,
    NotificationAttempted,
    Reopened,
)
from dexwatch.incidents.firing import fired
from dexwatch.incidents.manual_actions import acknowledged, noted, reopened, resolved_by_hand
from dexwatch.incidents.notification_plan import page_outcome
from dexwatch.incidents.resolved import cleared
from dexwatch.incidents.state import Decision, GroupState, Reason


def decide(state: GroupState, fact: Event, now: datetime) -> Decision:
    """Return what `fact`, learned at `now`, makes of `state`.

    A clock that jumped back is not believed: time never runs backwards inside an incident.
    The incident's `version` rises exactly when there is something new to tell about it.
    """
    known = [alert.ingested_at for alert in state.alerts.values()]
    if state.incident is not None:
        known.append(state.incident.changed_at)
    now = max(now, *known) if known else now
    decision = _judge(state, fact, now)
    after = decision.state.incident
    if after is None or after == state.incident:
        return decision
    # That a message arrived is nothing that another message would tell.
    told = not isinstance(fact, NotificationAttempted)
    if told and state.incident is not None and after.id == state.incident.id:
        after = replace(after, version=state.incident.version + 1)
    after = replace(after, changed_at=now)
    return replace(decision, state=replace(decision.state, incident=after))


def _judge(state: GroupState, fact: Event, now: datetime) -> Decision:
    match fact:
        case AlertFired():
            return fired(state, fact, now)
        case AlertResolved():
            return cleared(state, fact, now)
        case NotificationAttempted():
            return page_outcome(state, fact, now)
        case Acknowledged() | ManuallyResolved() | Reopened() | NoteAdded():
            return _by_hand(state, fact, now)
    assert_never(fact)


def _by_hand(
    state: GroupState, fact: Acknowledged | ManuallyResolved | Reopened | NoteAdded, now: datetime
) -> Decision:
    if state.incident is None:
        return Decision(state, (), Reason.NO_SUCH_INCIDENT)
    if state.seen:
        return Decision(state, (), Reason.DUPLICATE)
    match fact:
        case Acknowledged():
            return acknowledged(state, state.incident, fact, now)
        case ManuallyResolved():
            return resolved_by_hand(state, state.incident, fact, now)
        case Reopened():
            return reopened(state, state.incident, fact, now)
        case NoteAdded():
            return noted(state, state.incident, fact, now)
    assert_never(fact)
