"""The four records: event, alert, incident, notification; and the timeline that tells their story.

An *event* (see `events.py`) is immutable, as it came in, and kept whole.
An *alert* is a condition that events report, unique by source and fingerprint; it fires in
episodes.
An *incident* is the human response to alerts that belong together.
A *notification* is one attempt, with its retries, to reach one recipient on one channel.

All times are aware UTC datetimes and stay apart, because only then are response times honest:
began <= detected <= ingested <= paged <= delivered; ingested <= acknowledged;
ingested <= mitigated <= resolved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dexwatch.incidents.policy import Policy
from dexwatch.metrics.severity import Severity


class AlertState(StrEnum):
    """Suppression is no state: it lies over one of these two."""

    FIRING = "firing"
    RESOLVED = "resolved"


class IncidentState(StrEnum):
    """Where the response stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    """The alerts are over; a person has yet to confirm it."""
    RESOLVED = "resolved"


class NotificationState(StrEnum):
    """Whether the recipient was reached, as far as is known."""

    PLANNED = "planned"
    HELD = "held"
    """The channel has asked us to wait, so that this one waits, too."""
    DELIVERED = "delivered"
    UNKNOWN = "unknown"
    """The attempt was cut off; the channel may have the message or not."""
    FAILED = "failed"
    """It cannot be delivered there, now or later."""


class NotificationReason(StrEnum):
    """What the notification is for."""

    OPENED = "opened"
    RAISED = "raised"
    REOPENED = "reopened"
    STILL_FIRING = "still_firing"
    ANOTHER = "another"
    """Another thing of the same subject has failed, too."""
    FALLBACK = "fallback"
    """Another channel could not reach anybody."""
    UNREACHED = "unreached"
    """Nobody could be reached in the last round, and nobody has answered."""
    COLLECTED = "collected"
    """So much is wrong at once that one message stands for many."""
    TEST = "test"
    """Somebody tries whether the channel works; nothing has happened."""


class DeliveryOutcome(StrEnum):
    """How one attempt ended."""

    DELIVERED = "delivered"
    """The receiver has taken responsibility for the message."""
    RETRYABLE = "retryable"
    """It did not get through this time and may the next."""
    FAILED = "failed"
    """Permanent: sending the same again cannot succeed."""
    UNKNOWN = "unknown"
    """The attempt was cut off after the message may have been taken."""


@dataclass(frozen=True)
class Alert:
    """The latest episode of one condition."""

    source: str
    """The id of the receiver that tells of it."""
    fingerprint: str
    """What the source calls it; unique there."""
    group: str
    name: str
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: AlertState
    began_at: datetime
    """When the fault began: the first bad sample or the block's time, as far as the source says."""
    starts_at: datetime
    """When the source detected it; also orders the episodes of one fingerprint."""
    ingested_at: datetime
    incident_id: str | None = None
    suppressed_by: str | None = None
    resolved_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The identity: source and fingerprint."""
        return self.source, self.fingerprint

    @property
    def firing(self) -> bool:
        """Does the condition hold now?"""
        return self.state is AlertState.FIRING


@dataclass(frozen=True)
class Incident:
    """The human response to alerts of one group."""

    id: str
    number: int
    group: str
    title: str
    severity: Severity
    """The worst that it has seen; it never falls by itself."""
    state: IncidentState
    policy: Policy = field(repr=False)
    """As it was when the incident opened, so that an edit does not change a running response."""
    began_at: datetime
    detected_at: datetime
    ingested_at: datetime
    changed_at: datetime
    notification_round: int = 0
    """Rises by one whenever people are paged anew."""
    version: int = 1
    """Rises with all that people can be told, so that messages know whether they are behind."""
    owner: str | None = None
    previous: str | None = None
    """The incident of the same group that this one follows."""
    reopened: int = 0
    paged_at: datetime | None = None
    last_paged_at: datetime | None = None
    """When the last round began; None when it reached nobody, or is not known any more."""
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    """A person, or None when it resolved by itself."""

    @property
    def unresolved(self) -> bool:
        """Does it still ask for somebody?"""
        return self.state is not IncidentState.RESOLVED


@dataclass(frozen=True)
class Notification:
    """One attempt, with its retries, to reach one recipient on one channel."""

    incident_id: str
    notification_round: int
    channel: str
    recipient: str
    severity: Severity
    why: NotificationReason
    planned_at: datetime
    state: NotificationState = NotificationState.PLANNED
    attempts: int = 0
    expedited: bool = False
    """Another's failure has cut its back-off short; that happens once at most."""
    delivered_at: datetime | None = None
    detail: str = ""

    @property
    def id(self) -> str:
        """The identity: nobody is paged twice on one channel for one notification_round."""
        return notification_id(
            self.incident_id, self.notification_round, self.channel, self.recipient
        )


def notification_id(incident_id: str, notification_round: int, channel: str, recipient: str) -> str:
    """Return the identity of a notification."""
    return f"{incident_id}/{notification_round}/{channel}/{recipient}"


@dataclass(frozen=True)
class TimelineEntry:
    """One line of an incident's story; `key` is unique in it, so a repeat adds nothing."""

    incident_id: str
    key: str
    at: datetime
    kind: str
    by: str
    text: str
