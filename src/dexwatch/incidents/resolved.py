"""An alert is over; so may be its incident. A resolve passes whatever suppresses the alert."""

from dataclasses import replace
from datetime import datetime

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.events import AlertResolved
from dexwatch.incidents.liveness.confirmation import EXPLANATIONS, UnconfirmedReason
from dexwatch.incidents.notification_plan import line, updates
from dexwatch.incidents.records import Alert, AlertState, Incident, IncidentState
from dexwatch.incidents.state import Decision, GroupState, Reason


def resolved(state: GroupState, event: AlertResolved, now: datetime) -> Decision:
    """Judge a resolved alert; a resolve of an older episode than the latest is stale."""
    latest = state.alert
    if latest is not None and event.starts_at < latest.starts_at:
        return Decision(state, (), Reason.STALE)
    if event.unconfirmed is not None and (latest is None or latest.firing):
        return _held(state, event, event.unconfirmed, now)
    if latest is None or (not latest.firing and event.starts_at > latest.starts_at):
        # It is kept, so that the firing of this episode, should it come late, opens nothing.
        return Decision(state.with_alert(_unseen(state, event, now)), (), Reason.RESOLVED_UNSEEN)
    if not latest.firing:
        return Decision(state, (), Reason.REPEATED)
    alert = replace(
        latest,
        state=AlertState.RESOLVED,
        starts_at=max(latest.starts_at, event.starts_at),
        suppressed_by=None,
        resolved_at=max(latest.ingested_at, min(event.ends_at, now)),
    )
    state = state.with_alert(alert)
    incident = state.incident
    if incident is None or not incident.unresolved or alert.incident_id != incident.id:
        return Decision(state, (), Reason.ALERT_RESOLVED)
    return _after(state, incident, alert, now)


def _held(
    state: GroupState, event: AlertResolved, why: UnconfirmedReason, now: datetime
) -> Decision:
    """Keep the alert as it is; whoever compares with the source ends it when it is really over."""
    incident, alert = state.incident, state.alert
    mine = incident is not None and alert is not None and alert.incident_id == incident.id
    if incident is None or not incident.unresolved or not mine:
        return Decision(state, (), Reason.RESOLVE_HELD)
    key = f"held/{event.source}/{event.fingerprint}/{event.starts_at.isoformat()}/{why}"
    text = f"{event.name} was told as resolved, which is not confirmed yet: {EXPLANATIONS[why]}."
    return Decision(state, (line(incident, key, now, "alert", text),), Reason.RESOLVE_HELD)


def _after(state: GroupState, incident: Incident, alert: Alert, now: datetime) -> Decision:
    key = (
        f"resolved/{alert.source}/{alert.fingerprint}/{alert.starts_at.isoformat()}"
        f"/{now.isoformat()}"
    )
    left = state.summary.firing
    if left:
        more = "1 alert still fires." if left == 1 else f"{left} alerts still fire."
        entry = line(incident, key, now, "alert", f"{alert.name} resolved; {more}")
        state = replace(state, incident=replace(incident, changed_at=now))
        return Decision(
            state, (entry, *updates(state, UpdateReason.ALERT_RESOLVED)), Reason.ALERT_RESOLVED
        )
    incident = replace(incident, mitigated_at=incident.mitigated_at or now)
    if incident.policy.waits_for_person(incident.severity):
        incident = replace(incident, state=IncidentState.MITIGATED)
        text = f"{alert.name} resolved, the last alert; a person has yet to confirm the end."
        why, reason, kind = UpdateReason.MITIGATED, Reason.AWAITS_CONFIRMATION, "mitigated"
    else:
        incident = replace(
            incident, state=IncidentState.RESOLVED, resolved_at=now, resolved_by=None
        )
        text = f"{alert.name} resolved, the last alert; the incident resolves by itself."
        why, reason, kind = UpdateReason.RESOLVED, Reason.ALL_ALERTS_RESOLVED, "resolved"
    state = replace(state, incident=incident)
    entry = line(incident, key, now, kind, text)
    return Decision(state, (entry, *updates(state, why)), reason)


def _unseen(state: GroupState, event: AlertResolved, now: datetime) -> Alert:
    started = min(event.starts_at, now)
    return Alert(
        source=event.source,
        fingerprint=event.fingerprint,
        group=state.key,
        name=event.name,
        severity=event.severity,
        labels=event.labels,
        annotations=event.annotations,
        state=AlertState.RESOLVED,
        began_at=started,
        starts_at=event.starts_at,
        ingested_at=now,
        resolved_at=now,
    )
