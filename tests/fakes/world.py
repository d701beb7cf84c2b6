"""A store in memory that does no more than `decide` needs, for tests of single decisions."""

from dataclasses import replace

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import AddTimeline, PlanNotification
from dexwatch.incidents.events import AlertFired, AlertResolved, Event, NotificationAttempted
from dexwatch.incidents.policy import Route
from dexwatch.incidents.records import Alert, Incident, Notification
from dexwatch.incidents.state import Decision, GroupState, Summary
from tests.fakes.alerts import POLICY, at


class World:
    """What `response.apply` does, in the plainest way; many groups, all incidents kept."""

    def __init__(self, *, confirm: bool = False) -> None:
        self.policy = replace(POLICY, confirm_urgent_resolution=confirm)
        self.incidents: dict[str, Incident] = {}
        self.summaries: dict[str, Summary] = {}
        self.alerts: dict[tuple[str, str], Alert] = {}
        self.notifications: dict[str, Notification] = {}
        self.planned: list[Notification] = []
        self.lines: set[tuple[str, str]] = set()

    def of_group(self, group: str) -> list[Incident]:
        return [i for i in self.incidents.values() if i.group == group]

    def state(self, event: Event) -> GroupState:
        latest = None
        if isinstance(event, AlertFired | AlertResolved):
            latest = self.alerts.get((event.source, event.fingerprint))
            group = latest.group if latest and latest.firing else event.group
            incident = max(self.of_group(group), key=lambda i: i.number, default=None)
        else:
            incident = self.incidents.get(event.incident_id)
            group = incident.group if incident else ""
        mine = incident.id if incident else ""
        page = None
        if isinstance(event, NotificationAttempted):
            page = self.notifications.get(event.notification_id)
        source = getattr(event, "source_id", None)
        return GroupState(
            key=group,
            policy=self.policy,
            next_number=len(self.incidents) + 1,
            incident=incident,
            newest=incident in self.of_group(group)[-1:],
            summary=self.summaries.get(mine, Summary()),
            alert=latest,
            notifications={
                n.id: n
                for n in self.notifications.values()
                if page
                and n.incident_id == mine
                and n.notification_round == page.notification_round
            },
            seen=(mine, f"action/{source}") in self.lines,
        )

    def apply(self, event: Event, seconds: float) -> Decision:
        decision = decide(self.state(event), event, at(seconds))
        after = decision.state
        if after.incident:
            self.incidents[after.incident.id] = after.incident
            self.summaries[after.incident.id] = after.summary
        if after.alert:
            self.alerts[after.alert.key] = after.alert
        self.notifications.update(after.notifications)
        for effect in decision.effects:
            if isinstance(effect, PlanNotification):
                self.planned.append(effect.notification)
            if isinstance(effect, AddTimeline):
                self.lines.add((effect.entry.incident_id, effect.entry.key))
        return decision


def paged(decision: Decision) -> list[Route]:
    """Return whom a decision pages, in order."""
    plans = [e.notification for e in decision.effects if isinstance(e, PlanNotification)]
    return [Route(p.channel, p.recipient) for p in plans]
