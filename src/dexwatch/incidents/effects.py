"""What a decision asks the world to do; the store writes it down in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dexwatch.incidents.records import Page, TimelineEntry


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
    """Send this page as soon as possible."""

    page: Page


@dataclass(frozen=True)
class ExpediteNotification:
    """Do not wait for the back-off of this page: another channel is in trouble."""

    page_id: str


@dataclass(frozen=True)
class UpdateMessage:
    """Bring what a paged recipient sees up to date; several pending updates become one."""

    incident_id: str
    channel: str
    recipient: str
    event: UpdateReason
    due_at: datetime


@dataclass(frozen=True)
class AddTimeline:
    """Write a line into the incident's story."""

    entry: TimelineEntry


Effect = PlanNotification | ExpediteNotification | UpdateMessage | AddTimeline
