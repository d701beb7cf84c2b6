"""A store in memory that does no more than `decide` needs, for tests of decisions."""

from dataclasses import replace

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import AddTimeline, PlanNotification
from dexwatch.incidents.events import AlertFired, AlertResolved, Event
from dexwatch.incidents.records import Alert, Incident, Page
from dexwatch.incidents.state import Decision, GroupState
from tests.fakes.alerts import POLICY, at


class World:
    """What a store does, in the plainest way; many groups, all incidents kept."""

    def __init__(self, *, by_hand: bool) -> None:
        self.policy = replace(POLICY, confirm_urgent_resolution=by_hand)
        self.incidents: dict[str, Incident] = {}
        self.alerts: dict[str, Alert] = {}
        self.pages: dict[str, Page] = {}
        self.planned: list[Page] = []
        self.lines: set[tuple[str, str]] = set()

    def of_group(self, group: str) -> list[Incident]:
        return [i for i in self.incidents.values() if i.group == group]

    def state(self, fact: Event) -> GroupState:
        if isinstance(fact, AlertFired | AlertResolved):
            latest = self.alerts.get(fact.fingerprint)
            group = latest.group if latest and latest.firing else fact.group
            incident = max(self.of_group(group), key=lambda i: i.number, default=None)
        else:
            latest, incident = None, self.incidents.get(fact.incident_id)
            group = incident.group if incident else ""
        mine = incident.id if incident else None
        alerts = {f: a for f, a in self.alerts.items() if mine and a.incident_id == mine}
        if latest:
            alerts[latest.fingerprint] = latest
        source = getattr(fact, "source_id", None)
        return GroupState(
            key=group,
            policy=self.policy,
            next_number=len(self.incidents) + 1,
            incident=incident,
            newest=incident in self.of_group(group)[-1:],
            alerts=alerts,
            pages={p.id: p for p in self.pages.values() if p.incident_id == mine},
            seen=(mine, f"hand/{source}") in self.lines,
        )

    def apply(self, fact: Event, seconds: float) -> Decision:
        decision = decide(self.state(fact), fact, at(seconds))
        if decision.state.incident:
            self.incidents[decision.state.incident.id] = decision.state.incident
        self.alerts.update(decision.state.alerts)
        self.pages.update(decision.state.pages)
        for effect in decision.effects:
            if isinstance(effect, PlanNotification):
                self.planned.append(effect.page)
            if isinstance(effect, AddTimeline):
                self.lines.add((effect.entry.incident_id, effect.entry.key))
        return decision
