"""What people do to an incident: take it on, end it, bring it back, write something down."""

from dataclasses import replace
from datetime import datetime

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.events import Acknowledged, ManuallyResolved, NoteAdded, Reopened
from dexwatch.incidents.notification_plan import line, updates
from dexwatch.incidents.records import Incident, IncidentState
from dexwatch.incidents.state import Decision, GroupState, Reason


def acknowledged(
    state: GroupState, incident: Incident, event: Acknowledged, now: datetime
) -> Decision:
    """Somebody took the incident on. The first one keeps it."""
    if incident.state is IncidentState.RESOLVED:
        return Decision(state, (), Reason.ALREADY_RESOLVED)
    if incident.owner is not None:
        return Decision(state, (), Reason.ALREADY_ACKNOWLEDGED)
    at_hand = IncidentState.ACKNOWLEDGED if incident.state is IncidentState.OPEN else incident.state
    incident = replace(incident, state=at_hand, owner=event.by, acknowledged_at=now)
    state = replace(state, incident=incident)
    text = _with_note("Acknowledged", event.note)
    entry = line(incident, f"action/{event.source_id}", now, "acknowledged", text, by=event.by)
    return Decision(state, (entry, *updates(state, UpdateReason.ACKNOWLEDGED)), Reason.ACKNOWLEDGED)


def manually_resolved(
    state: GroupState, incident: Incident, event: ManuallyResolved, now: datetime
) -> Decision:
    """Somebody ended it. Alerts that still fire after the reopen window open a linked incident."""
    if incident.state is IncidentState.RESOLVED:
        return Decision(state, (), Reason.ALREADY_RESOLVED)
    incident = replace(
        incident,
        state=IncidentState.RESOLVED,
        mitigated_at=incident.mitigated_at or now,
        resolved_at=now,
        resolved_by=event.by,
    )
    state = replace(state, incident=incident)
    text = _with_note("Resolved", event.note)
    firing = state.summary.firing
    if firing:
        text += f" At that moment {firing} alert{'s' * (firing > 1)} still fired."
    entry = line(incident, f"action/{event.source_id}", now, "resolved", text, by=event.by)
    return Decision(
        state, (entry, *updates(state, UpdateReason.RESOLVED)), Reason.MANUALLY_RESOLVED
    )


def reopened(state: GroupState, incident: Incident, event: Reopened, now: datetime) -> Decision:
    """Somebody brought it back; nobody is paged for it, the messages show it."""
    if incident.state is not IncidentState.RESOLVED:
        return Decision(state, (), Reason.NOT_RESOLVED)
    if not state.newest:
        return Decision(state, (), Reason.SUPERSEDED)
    incident = replace(
        incident,
        state=IncidentState.ACKNOWLEDGED,
        owner=event.by,
        reopened=incident.reopened + 1,
        acknowledged_at=now,
        mitigated_at=None,
        resolved_at=None,
        resolved_by=None,
    )
    state = replace(state, incident=incident)
    entry = line(
        incident,
        f"action/{event.source_id}",
        now,
        "reopened",
        _with_note("Reopened", event.note),
        by=event.by,
    )
    return Decision(
        state, (entry, *updates(state, UpdateReason.REOPENED)), Reason.MANUALLY_REOPENED
    )


def noted(state: GroupState, incident: Incident, event: NoteAdded, now: datetime) -> Decision:
    """Somebody wrote something down."""
    entry = line(incident, f"action/{event.source_id}", now, "note", event.note, by=event.by)
    state = replace(state, incident=replace(incident, changed_at=now))
    return Decision(state, (entry,), Reason.NOTED)


def _with_note(word: str, note: str) -> str:
    return f"{word}: {note}" if note else f"{word}."
