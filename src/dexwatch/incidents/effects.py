"""What a decision asks the world to do; it is written down in the same transaction.

Effects carry delays, never due times: whoever keeps jobs has a clock of its own, which does not
step when this machine's clock does.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from dexwatch.incidents.records import Notification, TimelineEntry


class UpdateReason(StrEnum):
    """What an update to already paged people tells."""

    JOINED = "joined"
    ALERT_RESOLVED = "alert_resolved"
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    NOTE = "note"


@dataclass(frozen=True)
class PlanNotification:
    """Send this notification as soon as possible after `delay`."""

    notification: Notification
    delay: timedelta = timedelta(0)


@dataclass(frozen=True)
class ExpediteNotification:
    """Cut the back-off of this notification short: another one is in trouble."""

    notification_id: str


@dataclass(frozen=True)
class UpdateMessage:
    """Bring what a paged recipient sees up to date; several pending updates become one."""

    incident_id: str
    channel: str
    recipient: str
    reason: UpdateReason
    delay: timedelta


@dataclass(frozen=True)
class AddTimeline:
    """Write a line into the incident's story."""

    entry: TimelineEntry


Effect = PlanNotification | ExpediteNotification | UpdateMessage | AddTimeline
