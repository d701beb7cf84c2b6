"""What can happen to an incident. It is past: it is judged, never refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dexwatch.incidents.liveness.confirmation import UnconfirmedReason
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.metrics.severity import Severity


@dataclass(frozen=True, kw_only=True)
class _SourceEvent:
    """What a source says of a condition that it has detected at `starts_at`."""

    fingerprint: str
    group: str
    name: str
    severity: Severity
    starts_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    source: str = "alertmanager"
    """The id of the receiver that it came through."""
    raw: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    """As it came in, word for word."""


@dataclass(frozen=True, kw_only=True)
class AlertFired(_SourceEvent):
    """A source says that a condition holds; it may say so many times."""

    began_at: datetime
    suppressed_by: str | None = None
    """The silence or worse alert that hides it, as far as the source tells."""
    seen_at: datetime | None = None
    """When the source was seen to hold it as active; None for a message, which may be late."""


@dataclass(frozen=True, kw_only=True)
class AlertResolved(_SourceEvent):
    """A source says that a condition, which held since `starts_at`, is over."""

    ends_at: datetime
    unconfirmed: UnconfirmedReason | None = None
    """Why it is not confirmed yet: then it is kept, and changes no alert."""


@dataclass(frozen=True)
class _Act:
    """Somebody has acted; `source_id` tells a repeat from a second act."""

    incident_id: str
    by: str
    source_id: str
    note: str = ""


class Acknowledged(_Act):
    """A person has taken the incident on."""


class ManuallyResolved(_Act):
    """A person says that it is over."""


class Reopened(_Act):
    """A person says that it is not over."""


class NoteAdded(_Act):
    """A person wrote something down."""


@dataclass(frozen=True)
class NotificationAttempted:
    """How one attempt to deliver a notification ended; `attempt` counts from 1."""

    incident_id: str
    notification_id: str
    result: DeliveryOutcome
    attempt: int
    detail: str = ""
    retry_in: float | None = None
    """Seconds until the next attempt, when there is one."""


AlertEvent = AlertFired | AlertResolved
ActionEvent = Acknowledged | ManuallyResolved | Reopened | NoteAdded
Event = AlertEvent | ActionEvent | NotificationAttempted
