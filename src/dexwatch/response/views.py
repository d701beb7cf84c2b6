"""What can be read about incidents, shaped for those who show it or send it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dexwatch.incidents.events import Event
from dexwatch.incidents.records import (
    Alert,
    Incident,
    IncidentState,
    Notification,
    TimelineEntry,
)
from dexwatch.metrics.severity import Severity


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents to list; empty means all. `text` is looked for in title, group and id."""

    states: frozenset[IncidentState] = frozenset()
    severities: frozenset[Severity] = frozenset()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Listing:
    """One page of incidents, newest first; pass `next_before` for the following one."""

    incidents: tuple[Incident, ...]
    total: int
    next_before: int | None
    firing: Mapping[str, int] = field(default_factory=dict)
    """The number of firing alerts by incident id; those without any are left out."""


@dataclass(frozen=True)
class IncidentView:
    """All that is known about one incident, the timeline in the order of decisions."""

    incident: Incident
    alerts: tuple[Alert, ...]
    """The last episode in this incident of each, at most 500; those that fire come first."""
    notifications: tuple[Notification, ...]
    timeline: tuple[TimelineEntry, ...]
    more_alerts: int = 0
    """So many alerts are left out."""


@dataclass(frozen=True)
class MessageContext:
    """What a message to one recipient is made from."""

    incident: Incident
    alerts: tuple[Alert, ...]
    """The worst that fire, and the last that are over."""
    alert_count: int
    notifications: tuple[Notification, ...]
    """Those of the present round, and of each in which this recipient was paged."""
    handle: str | None = None
    last_notified_version: int = 0
    last_notified_state: IncidentState | None = None


@dataclass(frozen=True)
class MessageShown:
    """A recipient now sees this version of an incident."""

    incident_id: str
    channel: str
    recipient: str
    handle: str | None
    version: int
    state: IncidentState | None


@dataclass(frozen=True)
class StoredEvent:
    """An event that was decided, with what came of it."""

    id: int
    event: Event
    raw: Mapping[str, object] | None
    group: str
    decided_at: datetime
    reason: str
    incident_id: str | None
    incident_version: int | None


@dataclass(frozen=True)
class FiringAlert:
    """What must be known of a firing alert to compare it with what its source holds."""

    fingerprint: str
    starts_at: datetime
    suppressed_by: str | None
    settled: bool
    """It is suppressed, or part of an unresolved incident: judging it again changes nothing."""


@dataclass(frozen=True)
class Counts:
    """The state of affairs in numbers."""

    open: Mapping[Severity, int]
    overdue: int
    """Jobs that nobody has taken for more than two seconds after they were due or lapsed."""
    quarantined: int = 0
    """Jobs and events that could not be handled and wait for a person."""
