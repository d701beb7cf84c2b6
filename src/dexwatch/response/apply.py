"""Decides about events and makes the decisions durable, whole batches in one transaction.

`apply_events` is the way in for alerts and for people; `apply_in` serves whoever has a transaction
already, such as the settling of a job.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

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
from dexwatch.response.store import (
    AlertKey,
    DecidedEvent,
    IncidentRecord,
    RacedError,
    Store,
    StoreUnavailableError,
    Transaction,
)

_log = structlog.get_logger(__name__)

_PROVISIONAL = 1 << 60
"""Incidents that only count how many numbers are needed get those from here on."""


@dataclass(frozen=True)
class Applied:
    """What became of one event."""

    reason: Reason
    incident_id: str | None
    notifications: int = 0
    """So many new notifications were planned."""
    opened: bool = False
    """A new incident has begun."""


async def apply_events(
    store: Store, events: Sequence[Event], now: datetime, *, policy: Policy
) -> list[Applied]:
    """Decide about the events in order and return when that is durable.

    An event that cannot be decided, or that the database does not take, is quarantined: kept, told
    in the log and counted. It never keeps the others of its batch from being decided.

    Args:
        store: where incidents are.
        events: what was learned.
        now: the wall clock's time.
        policy: what new incidents take.

    Raises:
        StoreUnavailableError: nothing was applied; try again.
    """
    try:
        return await store.transact(lambda tx: apply_in(tx, events, now, policy=policy))
    except Exception as error:
        # A race that is lost each time is none: a row is there that deciding did not reckon with.
        if isinstance(error, StoreUnavailableError) and not isinstance(error, RacedError):
            raise
        if len(events) == 1:
            return [await _quarantine(store, events[0], now, error)]
        _log.warning("events.applied_singly", events=len(events), error=type(error).__name__)
        applied: list[Applied] = []
        for event in events:
            applied += await apply_events(store, [event], now, policy=policy)
        return applied


async def apply_in(
    tx: Transaction, events: Sequence[Event], now: datetime, *, policy: Policy
) -> list[Applied]:
    """Decide about the events within a transaction that the caller commits."""
    if not events:
        return []
    batch = await _load(tx, events)
    decided = batch.copy()
    applied = _apply_all(decided, events, now, policy, count(_PROVISIONAL))
    opened = sum(one.opened for one in applied)
    if opened:
        # Numbers are taken only for incidents that open, so that none is left out; deciding is
        # pure, so that it can simply be done again with them.
        numbers = await tx.incidents.next_numbers(opened)
        decided = batch.copy()
        applied = _apply_all(decided, events, now, policy, iter(numbers))
    await _save(tx, decided, now)
    return applied


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
        return Batch(
            dict(self.alerts),
            dict(self.newest),
            dict(self.incidents),
            dict(self.notifications),
            set(self.lines),
        )

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


async def _load(tx: Transaction, events: Sequence[Event]) -> Batch:
    """Lock the groups that the events are about, and read what decisions about them look at."""
    of_alerts = [e for e in events if isinstance(e, AlertFired | AlertResolved)]
    others = [e for e in events if not isinstance(e, AlertFired | AlertResolved)]
    keys = {(e.source, e.fingerprint) for e in of_alerts}
    ids = {e.incident_id for e in others}
    attempts = {e.notification_id for e in others if isinstance(e, NotificationAttempted)}
    acts = {(e.incident_id, _act(e)) for e in others if not isinstance(e, NotificationAttempted)}

    alerts = await tx.alerts.get(keys) if keys else {}
    incidents = await tx.incidents.get(ids) if ids else {}
    groups = _groups(of_alerts, alerts)
    groups |= {record.incident.group for record in incidents.values()}
    newest = await tx.incidents.lock(groups)
    if not tx.exclusive:
        # Only now does nobody else change them.
        alerts = await tx.alerts.get(keys) if keys else {}
        incidents = await tx.incidents.get(ids) if ids else {}
        if not groups.issuperset(_groups(of_alerts, alerts)):
            raise RacedError("an alert has moved to another group")
    return Batch(
        alerts=alerts,
        newest=newest,
        incidents=incidents,
        notifications=await tx.notifications.rounds(attempts) if attempts else {},
        lines=await tx.timeline.known(acts) if acts else set(),
    )


def _apply_all(
    batch: Batch, events: Sequence[Event], now: datetime, policy: Policy, numbers: Iterator[int]
) -> list[Applied]:
    applied = []
    number = next(numbers)
    for event in events:
        one = apply_one(batch, event, now, policy, number)
        if one.opened:
            # After the last number nothing opens any more.
            number = next(numbers, _PROVISIONAL)
        applied.append(one)
    return applied


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
        seen=(incident.id, _act(event)) in batch.lines,
    )


def _round(batch: Batch, page: Notification) -> dict[str, Notification]:
    return {
        n.id: n
        for n in batch.notifications.values()
        if n.incident_id == page.incident_id and n.notification_round == page.notification_round
    }


async def _save(tx: Transaction, batch: Batch, now: datetime) -> None:
    if batch.changed_incidents:
        await tx.incidents.save(list(batch.changed_incidents.values()))
    if batch.changed_alerts:
        await tx.alerts.save(list(batch.changed_alerts.values()))
    if batch.changed_notifications:
        await tx.notifications.save(list(batch.changed_notifications.values()))
    if batch.new_lines:
        await tx.timeline.add(batch.new_lines)
    if batch.jobs:
        await tx.jobs.add(list(batch.jobs.values()))
    if batch.expedited:
        await tx.jobs.expedite(batch.expedited)
    await tx.events.add(batch.decided, now)


async def _quarantine(store: Store, event: Event, now: datetime, error: Exception) -> Applied:
    """Keep an event that could not be applied, where people find it."""
    _log.error("event.quarantined", kind=type(event).__name__, error=repr(error)[:500])
    group = getattr(event, "group", "")
    kept = DecidedEvent(event, group, Reason.QUARANTINED, None, None, changed=True)
    try:
        await store.transact(lambda tx: tx.events.add([kept], now))
    except StoreUnavailableError:
        raise
    except Exception:  # noqa: BLE001 - the log has it; the sender cannot mend it.
        _log.exception("event.not_kept", kind=type(event).__name__)
    return Applied(Reason.QUARANTINED, None)


def _group(event: AlertFired | AlertResolved, latest: Alert | None) -> str:
    # An alert that fires stays where it is, though its source may group it anew.
    return latest.group if latest is not None and latest.firing else event.group


def _groups(events: Sequence[AlertEvent], alerts: Mapping[AlertKey, Alert]) -> set[str]:
    """Return the groups that alert events may be about: a batch may move an alert to another."""
    return {event.group for event in events} | {alert.group for alert in alerts.values()}


def _act(event: Event) -> str:
    """Return the timeline key of a person's act, which tells a repeat."""
    return f"action/{getattr(event, 'source_id', '')}"
