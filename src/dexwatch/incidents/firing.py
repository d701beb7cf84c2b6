"""An alert fires: open an incident, join one, bring one back, or recognise a repeat."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from dexwatch.incidents.effects import Effect, UpdateReason
from dexwatch.incidents.events import AlertFired
from dexwatch.incidents.grouping import another_thing, title_of
from dexwatch.incidents.notification_plan import line, page_everyone, updates
from dexwatch.incidents.policy import URGENT
from dexwatch.incidents.records import (
    Alert,
    AlertState,
    Incident,
    IncidentState,
    NotificationReason,
)
from dexwatch.incidents.state import MAX_THINGS, Decision, GroupState, Reason, Summary

_VIEW_LAG = timedelta(seconds=5)
"""A resolve is on its way from Prometheus to Alertmanager for less than so long."""

_MESSAGE_LAG = timedelta(minutes=1)
"""A message that was sent before the resolve arrives less than so long after it."""

_BURST = timedelta(seconds=15)
"""What fails so soon after the page is seen by whoever answers it."""


def fired(state: GroupState, event: AlertFired, now: datetime) -> Decision:
    """Judge a firing alert. The episode's start orders what comes in, not its arrival."""
    latest = state.alert
    if latest is not None and event.starts_at < latest.starts_at and _past(latest, event):
        return Decision(state, (), Reason.STALE)
    if latest is not None and event.starts_at == latest.starts_at:
        if latest.firing:
            return _repeated(state, latest, event, now)
        if not _back(latest, event, now):
            return Decision(state, (), Reason.ALREADY_RESOLVED)
    alert = _alert(state, event, now)
    if latest is not None and latest.firing and _settled(state, latest):
        # The resolve between two episodes never reached us: for people it is one spell.
        alert = replace(alert, incident_id=latest.incident_id, began_at=latest.began_at)
        return Decision(state.with_alert(alert), (), Reason.RESTARTED)
    if alert.suppressed_by is not None:
        return Decision(state.with_alert(alert), (), Reason.SUPPRESSED)
    return _place(state, alert, now)


def _past(latest: Alert, event: AlertFired) -> bool:
    """Does an event with an earlier start tell of an earlier episode?

    What the source lists now is true now, whatever the clocks say: one may have been put back. Only
    a list that was asked for about when the latest episode ended may not know of that yet.
    """
    if latest.firing or event.seen_at is None:
        return True
    over = latest.resolved_at or latest.ingested_at
    return -_MESSAGE_LAG < event.seen_at - over < _VIEW_LAG


def _back(latest: Alert, event: AlertFired, now: datetime) -> bool:
    """Was the episode's resolve wrong, or is this event just a late message from before it?

    Prometheus keeps an episode's start, so one that Alertmanager let expire comes back as it was.
    """
    over = latest.resolved_at or latest.ingested_at
    if event.seen_at is not None:
        return event.seen_at - over >= _VIEW_LAG
    return now - over >= _MESSAGE_LAG


def _repeated(state: GroupState, latest: Alert, event: AlertFired, now: datetime) -> Decision:
    alert = replace(latest, annotations=event.annotations, suppressed_by=event.suppressed_by)
    if alert.suppressed_by is None and not _settled(state, alert):
        incident = state.incident
        closed = incident is not None and not incident.unresolved
        mine = incident is not None and incident.id == alert.incident_id
        if not (closed and mine) or _late(state, now):
            return _place(state, alert, now, still=alert.incident_id is not None)
    return Decision(state.with_alert(alert), (), Reason.REPEATED)


def _settled(state: GroupState, alert: Alert) -> bool:
    """Is the alert already part of the unresolved incident?"""
    incident = state.incident
    return incident is not None and incident.unresolved and incident.id == alert.incident_id


def _late(state: GroupState, now: datetime) -> bool:
    """Was the last incident resolved too long ago to be continued?"""
    last = state.incident
    if last is None or last.resolved_at is None:
        return False
    return now - last.resolved_at > last.policy.reopen_window


def _place(state: GroupState, alert: Alert, now: datetime, *, still: bool = False) -> Decision:
    incident = state.incident
    if incident is None or (not incident.unresolved and _late(state, now)):
        return _open(state, alert, now, still=still)
    if incident.unresolved:
        return _join(state, incident, alert, now)
    return _reopen(state, incident, alert, now)


def _open(state: GroupState, alert: Alert, now: datetime, *, still: bool) -> Decision:
    previous = state.incident
    incident = Incident(
        id=f"INC-{state.next_number}",
        number=state.next_number,
        group=state.key,
        title=title_of(alert.name, alert.labels, alert.annotations),
        severity=alert.severity,
        state=IncidentState.OPEN,
        policy=state.policy,
        began_at=alert.began_at,
        detected_at=_detected(alert),
        ingested_at=now,
        changed_at=now,
        previous=previous.id if previous else None,
    )
    state = replace(state, incident=incident, newest=True, summary=Summary(), notifications={})
    state = state.with_alert(replace(alert, incident_id=incident.id))
    why = NotificationReason.STILL_FIRING if still else NotificationReason.OPENED
    state, pages = page_everyone(state, incident, why, now)
    text = f"{alert.name} fired: {_said(alert)}"
    if previous:
        follow = "still fires after" if still else "follows"
        text += f" It {follow} {previous.id}."
    effects = (line(incident, "opened", now, "opened", text), *pages)
    reason = Reason.OPENED_LINKED if previous else Reason.OPENED
    return Decision(state, effects, Reason.STILL_FIRING if still else reason)


def _another(state: GroupState, incident: Incident, alert: Alert, now: datetime) -> bool:
    """Must people be told of this alert though they have been told of its incident?

    So it is when it is urgent, no less grave than the incident, and about a thing of which no
    alert as grave has told of late.
    """
    if alert.severity not in URGENT or incident.severity.outranks(alert.severity):
        return False
    paged = incident.last_paged_at
    waiting = incident.state is IncidentState.OPEN
    if waiting and paged is not None and now - paged < _BURST:
        return False
    told: list[Mapping[str, str]] = []
    others: list[Mapping[str, str]] = []
    present = 0
    for thing in state.summary.things:
        over = thing.over_at
        lately = thing.firing or (over is not None and now - over <= incident.policy.reopen_window)
        present += lately
        grave = lately and not alert.severity.outranks(thing.severity)
        (told if grave else others).append(thing.identity)
    # The lesser and the old ones say that there are several things, not that people know of this.
    alien = [labels for labels in others if another_thing(alert.labels, [labels])]
    if not another_thing(alert.labels, [*told, *alien]):
        return False
    # When so much fails that things are no longer told apart, it is said now and then.
    full = present >= MAX_THINGS
    return not full or paged is None or now - paged >= incident.policy.repage_interval


def _join(state: GroupState, incident: Incident, alert: Alert, now: datetime) -> Decision:
    rose = alert.severity.outranks(incident.severity)
    another = _another(state, incident, alert, now)
    mitigated = incident.mitigated_at if incident.state is IncidentState.MITIGATED else None
    late = mitigated is not None and now - mitigated > incident.policy.reopen_window
    text = f"{alert.name} ({alert.severity}) joined: {_said(alert)}"
    if rose:
        text += f" The severity rises from {incident.severity} to {alert.severity}."
        title = title_of(alert.name, alert.labels, alert.annotations)
        incident = replace(incident, severity=alert.severity, title=title)
    elif another:
        text += " It is about another thing, so people are paged anew."
    if rose or late or another:
        # Whoever took it on took on something lesser or else, or thought that it was over.
        incident = replace(
            incident, state=IncidentState.OPEN, owner=None, acknowledged_at=None, mitigated_at=None
        )
    elif mitigated is not None:
        back = IncidentState.ACKNOWLEDGED if incident.owner else IncidentState.OPEN
        incident = replace(incident, state=back, mitigated_at=None)
    incident = replace(
        incident,
        began_at=min(incident.began_at, alert.began_at),
        detected_at=min(incident.detected_at, _detected(alert)),
    )
    state = replace(state, incident=incident)
    state = state.with_alert(replace(alert, incident_id=incident.id))
    told = updates(state, UpdateReason.RAISED if rose else UpdateReason.JOINED)
    pages: tuple[Effect, ...] = ()
    reason = Reason.JOINED
    if rose or late or another:
        why = (
            NotificationReason.RAISED
            if rose
            else NotificationReason.REOPENED
            if late
            else NotificationReason.ANOTHER
        )
        reason = Reason.SEVERITY_ROSE if rose else Reason.ANOTHER_JOINED if another else reason
        state, pages = page_everyone(state, incident, why, now)
    entry = line(incident, _key(alert), now, "alert", text)
    return Decision(state, (entry, *pages, *told), reason)


def _reopen(state: GroupState, incident: Incident, alert: Alert, now: datetime) -> Decision:
    rose = alert.severity.outranks(incident.severity)
    reopened = incident.reopened + 1
    last = incident.last_paged_at
    page = rose or last is None or now - last >= incident.policy.repage_after(reopened)
    page = page or _another(state, incident, alert, now)
    incident = replace(
        incident,
        state=IncidentState.OPEN,
        severity=alert.severity if rose else incident.severity,
        reopened=reopened,
        owner=None,
        acknowledged_at=None,
        mitigated_at=None,
        resolved_at=None,
        resolved_by=None,
    )
    state = replace(state, incident=incident)
    state = state.with_alert(replace(alert, incident_id=incident.id))
    told = updates(state, UpdateReason.REOPENED)
    pages: tuple[Effect, ...] = ()
    if page:
        state, pages = page_everyone(state, incident, NotificationReason.REOPENED, now)
    text = f"{alert.name} fired again: {_said(alert)}"
    if not page:
        text += " Nobody is paged again so soon; the messages already sent are brought up to date."
    effects = (line(incident, _key(alert), now, "reopened", text), *pages, *told)
    return Decision(state, effects, Reason.REOPENED if page else Reason.REOPENED_QUIETLY)


def _alert(state: GroupState, event: AlertFired, now: datetime) -> Alert:
    return Alert(
        source=event.source,
        fingerprint=event.fingerprint,
        group=state.key,
        name=event.name,
        severity=event.severity,
        labels=event.labels,
        annotations=event.annotations,
        state=AlertState.FIRING,
        began_at=min(event.began_at, event.starts_at, now),
        starts_at=event.starts_at,
        ingested_at=now,
        suppressed_by=event.suppressed_by,
    )


def _detected(alert: Alert) -> datetime:
    # A source whose clock runs ahead of ours cannot have seen the future.
    return min(alert.starts_at, alert.ingested_at)


def _key(alert: Alert) -> str:
    return (
        f"fired/{alert.source}/{alert.fingerprint}/{alert.starts_at.isoformat()}"
        f"/{alert.ingested_at.isoformat()}"
    )


def _said(alert: Alert) -> str:
    return alert.annotations.get("summary") or "no summary was given."
