"""Decides events over what was loaded, and holds what that changes until it is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import (
    AddTimeline,
    Effect,
    ExpediteNotification,
    PlanNotification,
    UpdateMessage,
)
from dexwatch.incidents.events import (
    AlertEvent,
    AlertFired,
    AlertResolved,
    Event,
    NotificationAttempted,
)
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import Alert, Notification, TimelineEntry
from dexwatch.incidents.state import Decision, GroupState, Reason, Summary
from dexwatch.jobs.job import NewJob
from dexwatch.response.messaging.job import notify_job, notify_key, update_job
from dexwatch.response.store import AlertKey, DecidedEvent, IncidentRecord

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Applied:
    """What became of one event."""

    reason: Reason
    incident_id: str | None
    notifications: int = 0
    """So many new notifications were planned."""
    opened: bool = False
    """A new incident has begun."""


@dataclass
class Batch:
    """What the decisions of one transaction look at, and what they have changed so far."""

    alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    newest: dict[str, IncidentRecord] = field(default_factory=dict)
    incidents: dict[str, IncidentRecord] = field(default_factory=dict)
    notifications: dict[str, Notification] = field(default_factory=dict)
    lines: set[tuple[str, str]] = field(default_factory=set)
    changed_alerts: dict[AlertKey, Alert] = field(default_factory=dict)
    changed_incidents: dict[str, IncidentRecord] = field(default_factory=dict)
    changed_notifications: dict[str, Notification] = field(default_factory=dict)
    new_lines: list[TimelineEntry] = field(default_factory=list)
    jobs: dict[str, NewJob] = field(default_factory=dict)
    expedited: set[str] = field(default_factory=set)
    decided: list[DecidedEvent] = field(default_factory=list)

    def copy(self) -> "Batch":
        """Return what was loaded, for decisions of its own."""
        known = {**self.alerts}, {**self.newest}, {**self.incidents}, {**self.notifications}
        return Batch(*known, lines={*self.lines})

    def keep(self, before: GroupState, decision: Decision) -> bool:
        """Take in what a decision changed; say whether that is anything."""
        after = decision.state
        changed = bool(decision.effects)
        if after.alert is not None and after.alert != before.alert:
            self.alerts[after.alert.key] = self.changed_alerts[after.alert.key] = after.alert
            changed = True
        if after.incident is not None and (
            after.incident != before.incident or after.summary != before.summary
        ):
            record = IncidentRecord(after.incident, after.summary)
            identity, group = after.incident.id, after.incident.group
            self.incidents[identity] = self.changed_incidents[identity] = record
            if group not in self.newest or self.newest[group].incident.number <= (
                after.incident.number
            ):
                self.newest[group] = record
            changed = True
        for identity, notification in after.notifications.items():
            if notification != before.notifications.get(identity):
                self.notifications[identity] = notification
                self.changed_notifications[identity] = notification
                changed = True
        for effect in decision.effects:
            self._carry_out(effect, after)
        return changed

    def _carry_out(self, effect: Effect, after: GroupState) -> None:
        match effect:
            case PlanNotification(notification, delay):
                self._plan(notify_job(notification, delay=delay))
            case ExpediteNotification(identity):
                self.expedited.add(notify_key(identity))
            case UpdateMessage():
                if after.incident is not None:
                    self._plan(update_job(effect, after.incident))
            case AddTimeline(entry):
                self.new_lines.append(entry)
                self.lines.add((entry.incident_id, entry.key))

    def _plan(self, job: NewJob) -> None:
        known = self.jobs.get(job.key)
        # Whoever waits longest decides: a flapping fault cannot push its update away for ever.
        self.jobs[job.key] = replace(job, delay=min(job.delay, known.delay)) if known else job


def apply_one(batch: Batch, event: Event, now: datetime, policy: Policy, number: int) -> Applied:
    """Decide about one event and note in the batch what that changes; pure but for the log.

    `number` is for the incident that may open.
    """
    state = _state(batch, event, policy, number)
    decision = _decided(state, event, now)
    changed = batch.keep(state, decision) or decision.reason is Reason.QUARANTINED
    incident = decision.state.incident
    batch.decided.append(
        DecidedEvent(
            event=event,
            group=decision.state.key,
            reason=decision.reason,
            incident_id=incident.id if incident else None,
            incident_version=incident.version if incident else None,
            changed=changed,
        )
    )
    planned = sum(isinstance(effect, PlanNotification) for effect in decision.effects)
    before = state.incident.number if state.incident else None
    opened = incident is not None and incident.number == number != before
    return Applied(decision.reason, incident.id if incident else None, planned, opened)


def _decided(state: GroupState, event: Event, now: datetime) -> Decision:
    try:
        return decide(state, event, now)
    except Exception as error:  # noqa: BLE001 - one odd event must not stop the others.
        _log.exception("event.quarantined", error=type(error).__name__, kind=type(event).__name__)
        return Decision(state, (), Reason.QUARANTINED)


def _state(batch: Batch, event: Event, policy: Policy, number: int) -> GroupState:
    if isinstance(event, AlertFired | AlertResolved):
        latest = batch.alerts.get((event.source, event.fingerprint))
        group = _group(event, latest)
        record = batch.newest.get(group)
        return GroupState(
            key=group,
            policy=policy,
            next_number=number,
            incident=record.incident if record else None,
            summary=record.summary if record else Summary(),
            alert=latest,
        )
    record = batch.incidents.get(event.incident_id)
    if record is None:
        return GroupState(key="", policy=policy)
    incident = record.incident
    page = None
    if isinstance(event, NotificationAttempted):
        page = batch.notifications.get(event.notification_id)
    newest = batch.newest.get(incident.group)
    return GroupState(
        key=incident.group,
        policy=policy,
        incident=incident,
        newest=newest is None or newest.incident.id == incident.id,
        summary=record.summary,
        notifications=_round(batch, page) if page else {},
        seen=(incident.id, act_key(event)) in batch.lines,
    )


def _round(batch: Batch, page: Notification) -> dict[str, Notification]:
    return {
        n.id: n
        for n in batch.notifications.values()
        if n.incident_id == page.incident_id and n.notification_round == page.notification_round
    }


def _group(event: AlertFired | AlertResolved, latest: Alert | None) -> str:
    # An alert that fires stays where it is, though its source may group it anew.
    return latest.group if latest is not None and latest.firing else event.group


def groups_of(events: Sequence[AlertEvent], alerts: Mapping[AlertKey, Alert]) -> set[str]:
    """Return the groups that alert events may be about: a batch may move an alert to another."""
    return {event.group for event in events} | {alert.group for alert in alerts.values()}


def act_key(event: Event) -> str:
    """Return the timeline key of a person's act, which tells a repeat."""
    return f"action/{getattr(event, 'source_id', '')}"
