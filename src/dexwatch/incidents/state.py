"""What a decision looks at and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dexwatch.incidents.effects import Effect
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import Alert, Incident, Page


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
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    """The latest episode by fingerprint: the incident's, and the one that the fact is about."""
    pages: Mapping[str, Page] = field(default_factory=dict)
    """The incident's pages by id."""
    seen: bool = False
    """Has this very act of a person been applied before?"""

    def with_alert(self, alert: Alert) -> "GroupState":
        """Return the state with this alert in place of the fingerprint's earlier episode."""
        return replace(self, alerts={**self.alerts, alert.fingerprint: alert})

    def with_page(self, page: Page) -> "GroupState":
        """Return the state with this page added or replaced."""
        return replace(self, pages={**self.pages, page.id: page})

    def firing(self) -> tuple[Alert, ...]:
        """Return the alerts of the incident that still fire, suppressed ones too."""
        if self.incident is None:
            return ()
        mine = self.incident.id
        return tuple(a for a in self.alerts.values() if a.firing and a.incident_id == mine)


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
    AWAITS_CONFIRMATION = "awaits_confirmation"
    ACKNOWLEDGED = "acknowledged"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    RESOLVED_BY_HAND = "resolved_by_hand"
    REOPENED_BY_HAND = "reopened_by_hand"
    NOT_RESOLVED = "not_resolved"
    SUPERSEDED = "superseded"
    NOTED = "noted"
    DUPLICATE = "duplicate"
    NO_SUCH_INCIDENT = "no_such_incident"
    NO_SUCH_PAGE = "no_such_page"
    PAGE_DELIVERED = "page_delivered"
    PAGE_RETRYABLE = "page_retryable"
    PAGE_FAILED = "page_failed"
    PAGE_UNKNOWN = "page_unknown"


@dataclass(frozen=True)
class Decision:
    """The new state, what must be done, and why."""

    state: GroupState
    effects: tuple[Effect, ...]
    reason: Reason
