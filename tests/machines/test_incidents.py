"""Whatever events come, in whatever order and however often: the promises of incidents hold."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import PlanNotification, UpdateMessage
from dexwatch.incidents.events import (
    Acknowledged,
    Event,
    ManuallyResolved,
    NoteAdded,
    NotificationAttempted,
    Reopened,
)
from dexwatch.incidents.policy import Route
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from dexwatch.incidents.state import Decision, Reason
from tests.fakes.alerts import at, clear, fire
from tests.fakes.world import World, paged

PROVES = ("R-DEDUP", "I-TRIAGE")
"""Requirements that these tests prove, for `dexwatch coverage`."""


NAMES = {"ApiUptimeLow": "P0", "ApiLatencyHigh": "P1", "CpuUse80": "P2", "DiskUse60": "P3"}
SUBJECTS = ("api", "host")
INSTANCES = ("", "main", "custody")


class Incidents(RuleBasedStateMachine):
    """Sources and people act; time goes on, or jumps back."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(confirm=False)
        self.seconds = 0.0
        self.events: list[Event] = []
        self.episodes: dict[tuple[str, str, str], float] = {}
        self.acts = 0

    def learn(self, event: Event) -> Decision:
        self.events.append(event)
        decision = self.apply(event)
        # An event that was just learned changes nothing when it is told again at once.
        again = decide(self.world.state(event), event, at(self.seconds))
        assert not any(isinstance(e, PlanNotification) for e in again.effects), again.reason
        assert again.state.incident == self.world.state(event).incident, again.reason
        return decision

    def apply(self, event: Event) -> Decision:
        decision = self.world.apply(event, self.seconds)
        updated = {
            Route(e.channel, e.recipient) for e in decision.effects if isinstance(e, UpdateMessage)
        }
        assert not updated & set(paged(decision)), "a recipient is told of one event twice"
        return decision

    @rule(seconds=st.sampled_from([1, 30, 400, 1000, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.seconds += seconds

    @rule(seconds=st.sampled_from([20, 4000]))
    def the_clock_jumps_back(self, seconds: int) -> None:
        self.seconds = max(self.seconds - seconds, 0)

    @rule(
        name=st.sampled_from(sorted(NAMES)),
        alert_group=st.sampled_from(SUBJECTS),
        suppressed=st.booleans(),
        instance=st.sampled_from(INSTANCES),
    )
    def an_alert_fires(self, name: str, alert_group: str, suppressed: bool, instance: str) -> None:
        start = self.episodes.setdefault((name, alert_group, instance), self.seconds)
        hidden = "silence 1" if suppressed else None
        more = {"s": alert_group, "instance": instance}
        decision = self.learn(
            fire(
                name,
                NAMES[name],
                start=start,
                alert_group=alert_group,
                suppressed_by=hidden,
                **more,
            )
        )
        if decision.reason is Reason.ANOTHER_JOINED:
            assert any(isinstance(e, PlanNotification) for e in decision.effects)
            assert decision.state.incident.state is IncidentState.OPEN
            assert NAMES[name] in ("P0", "P1")

    @precondition(lambda self: self.episodes)
    @rule(data=st.data())
    def an_alert_resolves(self, data: st.DataObject) -> None:
        name, alert_group, instance = data.draw(st.sampled_from(sorted(self.episodes)))
        start = self.episodes.pop((name, alert_group, instance))
        more = {"s": alert_group, "instance": instance}
        event = clear(
            name, NAMES[name], start=start, end=self.seconds, alert_group=alert_group, **more
        )
        self.learn(event)
        alert = self.world.alerts[event.source, event.fingerprint]
        # After a clock was put back, an old fact that comes again may tell of a later start. That
        # episode is another one, and a comparison with its source ends it.
        assert not alert.firing or alert.starts_at > at(start), "a resolve always passes"

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def an_old_fact_comes_again(self, data: st.DataObject) -> None:
        self.learn(data.draw(st.sampled_from(self.events)))

    @precondition(lambda self: self.world.incidents)
    @rule(
        data=st.data(), kind=st.sampled_from([Acknowledged, ManuallyResolved, Reopened, NoteAdded])
    )
    def somebody_acts(self, data: st.DataObject, kind: type) -> None:
        incident = data.draw(st.sampled_from(sorted(self.world.incidents)))
        self.acts += 1
        before = self.world.incidents[incident]
        self.learn(kind(incident, by="bo", source_id=f"act{self.acts}", note="n"))
        if kind is ManuallyResolved and before.unresolved:
            assert not self.world.incidents[incident].unresolved, "a resolve always passes"

    @precondition(lambda self: self.world.planned)
    @rule(data=st.data(), result=st.sampled_from(DeliveryOutcome), attempt=st.integers(1, 5))
    def an_attempt_ends(self, data: st.DataObject, result: DeliveryOutcome, attempt: int) -> None:
        page = data.draw(st.sampled_from(self.world.planned))
        self.apply(NotificationAttempted(page.incident_id, page.id, result, attempt))

    @invariant()
    def a_group_has_at_most_one_open_incident(self) -> None:
        open_groups = [i.group for i in self.world.incidents.values() if i.unresolved]
        assert len(open_groups) == len(set(open_groups))

    @invariant()
    def no_page_is_planned_twice(self) -> None:
        ids = [page.id for page in self.world.planned]
        assert len(ids) == len(set(ids))

    @invariant()
    def no_firing_alert_is_without_its_incident(self) -> None:
        for alert in self.world.alerts.values():
            if alert.firing and alert.suppressed_by is None:
                assert alert.incident_id in self.world.incidents
                incident = self.world.incidents[alert.incident_id]
                assert incident.unresolved or incident.resolved_by is not None

    @invariant()
    def an_incident_is_as_bad_as_its_worst_alert(self) -> None:
        for alert in self.world.alerts.values():
            if alert.incident_id:
                incident = self.world.incidents[alert.incident_id]
                assert not alert.severity.outranks(incident.severity)

    @invariant()
    def every_severity_that_was_reached_was_paged(self) -> None:
        for incident in self.world.incidents.values():
            paged = {p.severity for p in self.world.planned if p.incident_id == incident.id}
            assert incident.severity in paged

    @invariant()
    def times_are_in_order(self) -> None:
        for i in self.world.incidents.values():
            assert i.began_at <= i.detected_at <= i.ingested_at <= i.changed_at
            assert i.paged_at is not None
            assert i.ingested_at <= i.paged_at <= (i.last_paged_at or i.paged_at)
            if i.delivered_at:
                assert i.paged_at <= i.delivered_at
            if i.acknowledged_at:
                assert i.ingested_at <= i.acknowledged_at
            if i.resolved_at:
                assert i.ingested_at <= i.mitigated_at <= i.resolved_at

    @invariant()
    def states_and_their_times_agree(self) -> None:
        for i in self.world.incidents.values():
            assert (i.resolved_at is not None) == (i.state is IncidentState.RESOLVED)
            if i.state is IncidentState.ACKNOWLEDGED:
                assert i.owner is not None


class IncidentsWithConfirmation(Incidents):
    """The same with P0 and P1 waiting for a person's word."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(confirm=True)

    @invariant()
    def an_urgent_incident_ends_manually_only(self) -> None:
        for i in self.world.incidents.values():
            if i.severity.value in ("P0", "P1") and not i.unresolved:
                assert i.resolved_by == "bo"


_BUDGET = settings(max_examples=80, stateful_step_count=40, deadline=timedelta(seconds=5))
TestIncidents = Incidents.TestCase
TestIncidents.settings = _BUDGET
TestIncidentsWithConfirmation = IncidentsWithConfirmation.TestCase
TestIncidentsWithConfirmation.settings = _BUDGET
