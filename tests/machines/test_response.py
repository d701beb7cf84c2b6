"""Whatever fails, in whatever order: the promises of the response hold, over the real store."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import func, select

from dexwatch.incidents.events import Acknowledged, ManuallyResolved, NoteAdded, Reopened
from dexwatch.incidents.records import NotificationReason, NotificationState
from dexwatch.incidents.state import Reason
from dexwatch.jobs.queue import CRASH_POINTS
from dexwatch.response.deciding.replay import replay_incident
from dexwatch.response.messaging.job import NOTIFY
from dexwatch.response.views import IncidentFilter
from dexwatch.storage import tables
from tests.fakes.alerts import POLICY, clear, fire
from tests.fakes.response import Response
from tests.fakes.wayward import MODES

pytestmark = pytest.mark.slow

NAMES = {"ApiUptimeLow": "P0", "ApiLatencyHigh": "P1", "CpuUse80": "P2", "DiskUse60": "P3"}
GROUPS = ("api", "host")
INSTANCES = ("", "main", "custody")
UNDECIDED = {Reason.QUARANTINED, Reason.NO_SUCH_NOTIFICATION}


class ResponseMachine(RuleBasedStateMachine):
    """Sources, people, channels, workers and clocks do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.response = Response(replace(POLICY, reopen_window=timedelta(minutes=10)))
        self.episodes: dict[tuple[str, str, str], float] = {}
        self.acts = 0

    def teardown(self) -> None:
        try:
            self.what_chance_may_leave_out_happens()
            self.settle_everything()
            self.nothing_is_delivered_twice_but_after_a_cut()
            self.who_can_be_asked_gets_no_page_again()
            self.everybody_was_told()
            self.history_tells_the_same()
        finally:
            self.response.close()

    @initialize(slack=st.sampled_from(MODES), email=st.sampled_from(MODES), server=st.booleans())
    def a_bad_day_begins(self, slack: str, email: str, server: bool) -> None:
        self.response.server = server
        self.response.channels["slack"].mode = slack
        self.response.channels["email"].mode = email
        self.alerts_fire([("ApiUptimeLow", "api", "main", False)])

    @rule(seconds=st.sampled_from([0.2, 1, 5, 13, 31, 400, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.response.pass_time(seconds)

    @rule(seconds=st.sampled_from([-3600, -20, 20, 3600]))
    def somebody_sets_the_clock(self, seconds: float) -> None:
        self.response.set_clock(seconds)

    @rule()
    def the_role_restarts(self) -> None:
        self.response.restart()

    @rule(channel=st.sampled_from(["slack", "email"]), mode=st.sampled_from(MODES))
    def a_channel_changes(self, channel: str, mode: str) -> None:
        self.response.channels[channel].mode = mode

    @rule(mode=st.sampled_from(MODES))
    def all_channels_change(self, mode: str) -> None:
        for channel in self.response.channels.values():
            channel.mode = mode

    @rule(
        some=st.lists(
            st.tuples(
                st.sampled_from(sorted(NAMES)),
                st.sampled_from(GROUPS),
                st.sampled_from(INSTANCES),
                st.booleans(),
            ),
            min_size=1,
            max_size=3,
        )
    )
    def alerts_fire(self, some: list[tuple[str, str, str, bool]]) -> None:
        events = []
        for name, group, instance, suppressed in some:
            start = self.episodes.setdefault((name, group, instance), self.response.wall.seconds)
            events.append(
                fire(
                    name,
                    NAMES[name],
                    start=start,
                    alert_group=group,
                    suppressed_by="silence 1" if suppressed else None,
                    s=group,
                    instance=instance,
                )
            )
        applied = self.response.apply(events)
        assert not UNDECIDED & {one.reason for one in applied}
        if any(one.notifications for one in applied):
            self.new_pages_are_due_at_once()
        again = self.response.apply(events[-1:])
        assert not again[0].notifications, "told again at once, it pages nobody"

    @precondition(lambda self: self.episodes)
    @rule(data=st.data())
    def an_alert_resolves(self, data: st.DataObject) -> None:
        name, group, instance = data.draw(st.sampled_from(sorted(self.episodes)))
        start = self.episodes.pop((name, group, instance))
        end = self.response.wall.seconds
        more = {"s": group, "instance": instance}
        event = clear(name, NAMES[name], start=start, end=end, alert_group=group, **more)
        self.response.apply([event])
        firing = {alert.key for alert in self.response.do(self.response.store.firing())}
        assert (event.source, event.fingerprint) not in firing, "a resolve always passes"

    @rule(
        data=st.data(), kind=st.sampled_from([Acknowledged, ManuallyResolved, Reopened, NoteAdded])
    )
    def somebody_acts(self, data: st.DataObject, kind: type) -> None:
        known = self.incidents()
        if not known:
            return
        incident = data.draw(st.sampled_from(sorted(i.id for i in known)))
        self.acts += 1
        act = kind(incident, by="bo", source_id=f"act{self.acts}", note="n")
        self.response.apply([act, act])

    @rule(crash=st.sampled_from(["", "", *CRASH_POINTS[:2]]), most=st.integers(1, 4))
    def a_worker_works(self, crash: str, most: int) -> None:
        self.response.work(crash=crash, most=most)

    @rule(most=st.integers(1, 4), seconds=st.sampled_from([0, 5, 13, 35]))
    def a_worker_takes_long(self, most: int, seconds: float) -> None:
        self.response.work(most=most, slow=True)
        self.response.pass_time(seconds)
        self.response.work(most=9)

    @rule(most=st.integers(1, 4), seconds=st.sampled_from([5, 13, 35]))
    def a_worker_freezes(self, most: int, seconds: float) -> None:
        self.response.freeze(most, seconds)

    @precondition(lambda self: self.response.slow)
    @rule()
    def what_took_long_ends(self) -> None:
        self.response.settle_slow()

    @rule(rounds=st.integers(5, 25), pause=st.sampled_from([1, 3, 10]))
    def a_worker_goes_on_for_a_while(self, rounds: int, pause: int) -> None:
        for _ in range(rounds):
            self.response.work(most=9)
            self.response.pass_time(pause)

    @invariant()
    def a_hold_is_kept(self) -> None:
        for channel in self.response.channels.values():
            assert channel.broken_holds == []

    @invariant()
    def nothing_is_delivered_twice_but_after_a_cut(self) -> None:
        for channel in self.response.channels.values():
            for key, copies in channel.has.items():
                assert copies <= 1 + channel.cuts(key), key

    @invariant()
    def who_can_be_asked_gets_no_page_again(self) -> None:
        for channel in self.response.channels.values():
            assert channel.needless == []

    @invariant()
    def no_message_is_hammered(self) -> None:
        """Back-off leaves some twenty attempts in the first minutes, then one each half minute."""
        for channel in self.response.channels.values():
            first: dict[str, list[float]] = {}
            for when, key in channel.asked:
                first.setdefault(key, []).append(when)
            for key, times in first.items():
                span = times[-1] - times[0]
                assert len(times) <= 8 + span / 20 + channel.deaths[key], key

    @invariant()
    def summaries_are_true(self) -> None:
        self.response.do(self._summaries_are_true())

    async def _summaries_are_true(self) -> None:
        incidents, alerts = tables.incidents.c, tables.incident_alerts.c
        firing = (
            select(func.count())
            .where(alerts.incident_id == incidents.id, alerts.state == "firing")
            .scalar_subquery()
        )
        newest = select(tables.groups.c.incident_number)
        query = select(incidents.id, incidents.firing_alerts, firing).where(
            incidents.number.in_(newest)
        )
        async with self.response.store.database.read() as connection:
            for identity, told, counted in (await connection.execute(query)).all():
                assert told == counted, identity

    @invariant()
    def what_fires_has_its_incident(self) -> None:
        known = {incident.id: incident for incident in self.incidents()}
        unresolved = [i.group for i in known.values() if i.unresolved]
        assert len(unresolved) == len(set(unresolved))
        for alert in self.response.do(self.response.store.firing()):
            if alert.suppressed_by is None:
                incident = known[alert.incident_id]
                assert incident.unresolved or incident.resolved_by is not None
                assert not alert.severity.outranks(incident.severity)

    @invariant()
    def times_are_in_order(self) -> None:
        for i in self.incidents():
            assert i.began_at <= i.detected_at <= i.ingested_at <= i.changed_at
            assert i.ingested_at <= i.paged_at <= (i.last_paged_at or i.paged_at)
            if i.delivered_at:
                assert i.paged_at <= i.delivered_at
            if i.resolved_at:
                assert i.ingested_at <= i.mitigated_at <= i.resolved_at

    def incidents(self):
        listing = self.response.do(self.response.store.incidents(IncidentFilter(), limit=200))
        return listing.incidents

    def new_pages_are_due_at_once(self) -> None:
        """Whatever the wall clock says; only those whom nobody reached wait for their turn."""
        self.response.do(self._new_pages_are_due_at_once())

    async def _new_pages_are_due_at_once(self) -> None:
        jobs, store = tables.jobs.c, self.response.store
        late = select(jobs.key, jobs.payload).where(
            jobs.kind == NOTIFY, jobs.attempts == 0, jobs.result == "", jobs.due_at > jobs.wished_at
        )
        async with store.database.read() as connection:
            found = (await connection.execute(late)).all()
        again = NotificationReason.UNREACHED.value
        assert [key for key, payload in found if payload["reason"] != again] == []

    def what_chance_may_leave_out_happens(self) -> None:
        """Copies lie unsure until nobody sends more; then a message and a channel wait."""
        self.response.settle_slow()
        self.all_channels_change("takes_and_breaks")
        self.alerts_fire([("DiskUse60", "unsure", "", False)])
        for _ in range(4):
            self.response.work(most=9)
            self.response.pass_time(400)
        self.all_channels_change("slows")
        self.alerts_fire([("ApiUptimeLow", "waits", "", False)])
        self.response.work(most=9)

    def settle_everything(self) -> None:
        """All is mended but the clock; within the longest wait all that is due gets done."""
        for channel in self.response.channels.values():
            channel.mode = "works"
        self.response.settle_slow()
        # What waits was set by a clock that is ahead of the one by which it is looked at.
        self.response.set_clock(-3600)
        self.response.restart()
        for _ in range(40):
            self.response.pass_time(150)
            while self.response.work():
                pass
        counts = self.response.do(self.response.store.counts())
        assert counts.overdue == 0
        assert counts.quarantined == 0

    def everybody_was_told(self) -> None:
        for incident in self.incidents():
            view = self.response.do(self.response.store.incident(incident.id))
            rounds: dict[int, set[NotificationState]] = {}
            for n in view.notifications:
                rounds.setdefault(n.notification_round, set()).add(n.state)
            severities = {n.severity for n in view.notifications}
            assert incident.severity in severities
            for states in rounds.values():
                reached = {NotificationState.DELIVERED, NotificationState.UNKNOWN} & states
                assert reached or states == {NotificationState.FAILED}, states

    def history_tells_the_same(self) -> None:
        for incident in self.incidents():
            replay = self.response.do(replay_incident(self.response.store, incident.id))
            assert [step for step in replay.steps if not step.same] == []
            assert (replay.missing, replay.surplus) == ((), ())


TestResponse = ResponseMachine.TestCase
TestResponse.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    # Making a failure smaller takes minutes over a real store: remove this line to have it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
