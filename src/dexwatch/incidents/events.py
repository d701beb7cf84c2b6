"""What can happen to an incident. It is past: it is judged, never refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dexwatch.incidents.liveness.confirmation import UnconfirmedReason
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.metrics.severity import Severity


@dataclass(frozen=True)
class AlertFired:
    """A source says that a condition holds; it may say so many times."""

    fingerprint: str
    group: str
    name: str
    severity: Severity
    starts_at: datetime
    began_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    suppressed_by: str | None = None
    """The silence or worse alert that hides it, as far as the source tells."""
    seen_at: datetime | None = None
    """When the source was seen to hold it as active; None for a message, which may be late."""
    source: str = "alertmanager"
    """The id of the receiver that it came through."""
    raw: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    """As it came in, word for word."""

    @property
    def key(self) -> str:
        """The identity of the event at its source."""
        return f"{self.source}/{self.fingerprint}/{self.starts_at.isoformat()}/firing"


@dataclass(frozen=True)
class AlertResolved:
    """A source says that a condition, which held since `starts_at`, is over."""

    fingerprint: str
    group: str
    name: str
    severity: Severity
    starts_at: datetime
    ends_at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    source: str = "alertmanager"
    """The id of the receiver that it came through."""
    unconfirmed: UnconfirmedReason | None = None
    """Why it is not confirmed yet: then it is kept, and changes no alert."""
    raw: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    """As it came in, word for word."""

    @property
    def key(self) -> str:
        """The identity of the event at its source."""
        return f"{self.source}/{self.fingerprint}/{self.starts_at.isoformat()}/resolved"


@dataclass(frozen=True)
class Acknowledged:
    """A person has taken the incident on; `source_id` tells a repeat from a second act."""

    incident_id: str
    by: str
    source_id: str
    note: str = ""


@dataclass(frozen=True)
class ManuallyResolved:
    """A person says that it is over."""

    incident_id: str
    by: str
    source_id: str
    note: str = ""


@dataclass(frozen=True)
class Reopened:
    """A person says that it is not over."""

    incident_id: str
    by: str
    source_id: str
    note: str = ""


@dataclass(frozen=True)
class NoteAdded:
    """A person wrote something down."""

    incident_id: str
    by: str
    source_id: str
    note: str


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
