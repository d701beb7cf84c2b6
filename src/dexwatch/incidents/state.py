"""What a decision looks at and what it gives back.

It does not look at all alerts of an incident: their summary has a bounded size, so that the
ten-thousandth alert costs what the first did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from dexwatch.incidents.effects import Effect
from dexwatch.incidents.grouping import identity_of
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import Alert, Incident, Notification
from dexwatch.metrics.severity import Severity

MAX_THINGS = 64
"""So many different things are told apart in one incident; for what
comes on top people are paged now and then. What ended longest ago makes way for what is new."""


@dataclass(frozen=True)
class Thing:
    """Something that alerts of the incident are about, for example one host."""

    identity: Mapping[str, str]
    """Its identity labels."""
    severity: Severity
    firing: int
    """So many alerts of this severity about it fire."""
    over_at: datetime | None = None
    """When the last of them ended."""


@dataclass(frozen=True)
class Summary:
    """An incident's alerts and messages in short."""

    firing: int = 0
    """So many of its alerts fire, suppressed ones too."""
    things: tuple[Thing, ...] = ()
    recipients: tuple[Route, ...] = ()
    """Whoever has been paged about it, in that order."""

    def changed(self, before: Alert | None, after: Alert | None) -> "Summary":
        """Return the summary after one alert of the incident changed; None means not its own."""
        was, now = _fires(before), _fires(after)
        summary = replace(self, firing=self.firing - was + now)
        # The new state is noted first, so that a thing that goes on never looks over.
        if after is not None and (now or not was):
            summary = _noted(summary, after, now)
        if before is not None and was:
            summary = _ended(summary, before, after)
        return summary

    def told(self, notification: Notification) -> "Summary":
        """Return the summary after somebody has been paged."""
        route = Route(notification.channel, notification.recipient)
        if route in self.recipients:
            return self
        return replace(self, recipients=(*self.recipients, route))


@dataclass(frozen=True)
class GroupState:
    """One group of alerts and its newest incident (or the incident that a person speaks of)."""

    key: str
    policy: Policy
    """The present one; a new incident takes a copy."""
    next_number: int = 1
    """The number that an incident would get if one opened now."""
    incident: Incident | None = None
    newest: bool = True
    """Is `incident` the newest of its group? Only the newest may come back to life."""
    summary: Summary = field(default_factory=Summary)
    """Of `incident`."""
    alert: Alert | None = None
    """The latest episode of the alert that the event is about."""
    notifications: Mapping[str, Notification] = field(default_factory=dict)
    """By id: those of the round that the event is about, and the new ones."""
    seen: bool = False
    """Has this very act of a person been applied before?"""

    def with_alert(self, alert: Alert) -> "GroupState":
        """Return the state with this episode in place of the earlier one."""
        summary = self.summary.changed(self._mine(self.alert), self._mine(alert))
        return replace(self, alert=alert, summary=summary)

    def with_notification(self, notification: Notification) -> "GroupState":
        """Return the state with this notification added or replaced."""
        known = {**self.notifications, notification.id: notification}
        return replace(self, notifications=known, summary=self.summary.told(notification))

    def _mine(self, alert: Alert | None) -> Alert | None:
        incident = self.incident
        mine = incident is not None and alert is not None and alert.incident_id == incident.id
        return alert if mine else None


class Reason(StrEnum):
    """Why a decision came out as it did; the words appear in logs and tests."""

    OPENED = "opened"
    OPENED_LINKED = "opened_linked"
    JOINED = "joined"
    ANOTHER_JOINED = "another_joined"
    SEVERITY_ROSE = "severity_rose"
    REOPENED = "reopened"
    REOPENED_QUIETLY = "reopened_quietly"
    STILL_FIRING = "still_firing"
    REPEATED = "repeated"
    RESTARTED = "restarted"
    STALE = "stale"
    SUPPRESSED = "suppressed"
    ALREADY_RESOLVED = "already_resolved"
    RESOLVED_UNSEEN = "resolved_unseen"
    ALERT_RESOLVED = "alert_resolved"
    ALL_ALERTS_RESOLVED = "all_alerts_resolved"
    RESOLVE_HELD = "resolve_held"
    """It may be no end: the source, or whoever evaluates for it, is not seen alive."""
    AWAITS_CONFIRMATION = "awaits_confirmation"
    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    MANUALLY_RESOLVED = "manually_resolved"
    MANUALLY_REOPENED = "manually_reopened"
    NOT_RESOLVED = "not_resolved"
    SUPERSEDED = "superseded"
    NOTED = "noted"
    DUPLICATE = "duplicate"
    NO_SUCH_INCIDENT = "no_such_incident"
    NO_SUCH_NOTIFICATION = "no_such_notification"
    DELIVERED = "delivered"
    DELIVERY_RETRYABLE = "delivery_retryable"
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_UNKNOWN = "delivery_unknown"
    QUARANTINED = "quarantined"
    """No decision could be made; the event is kept, and people are told."""


@dataclass(frozen=True)
class Decision:
    """The new state, what must be done, and why."""

    state: GroupState
    effects: tuple[Effect, ...]
    reason: Reason


def _noted(summary: Summary, alert: Alert, firing: int) -> Summary:
    identity = identity_of(alert.labels)
    if not identity:
        # It differs from nothing, so that there is nothing to remember.
        return summary
    things = list(summary.things)
    for place, thing in enumerate(things):
        if thing.identity == identity and thing.severity is alert.severity:
            count = thing.firing + firing
            things[place] = replace(thing, firing=count, over_at=_end(count, alert))
            return replace(summary, things=tuple(things))
    if len(things) >= MAX_THINGS:
        over = [t for t in things if not t.firing and t.over_at is not None]
        if not over:
            return summary
        things.remove(min(over, key=lambda t: t.over_at or alert.ingested_at))
    things.append(Thing(identity, alert.severity, firing, _end(firing, alert)))
    return replace(summary, things=tuple(things))


def _ended(summary: Summary, before: Alert, after: Alert | None) -> Summary:
    identity = identity_of(before.labels)
    things = list(summary.things)
    for place, thing in enumerate(things):
        if thing.identity == identity and thing.severity is before.severity:
            count = max(thing.firing - 1, 0)
            end = _end(count, after or before)
            things[place] = replace(thing, firing=count, over_at=end)
    return replace(summary, things=tuple(things))


def _fires(alert: Alert | None) -> int:
    return int(alert is not None and alert.firing)


def _end(firing: int, alert: Alert) -> datetime | None:
    return None if firing else (alert.resolved_at or alert.ingested_at)
