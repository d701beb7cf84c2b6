"""What Alertmanager holds and what we hold come to agree, whatever was lost between them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clients.prometheus import ActiveAlert
from dexwatch.incidents.events import ManuallyResolved
from dexwatch.incidents.records import IncidentState
from dexwatch.jobs.job import JobOutcome
from dexwatch.jobs.queue import Slots
from dexwatch.response.actions import act
from dexwatch.response.ingest import Ingest
from dexwatch.response.liveness.evaluator import Evaluator
from dexwatch.response.reconcile import JOB, QUEUE, RECONCILE, Reconciler
from dexwatch.response.views import IncidentFilter
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import POLICY, Ticker, apply, at, clear, fire


@dataclass
class Rules:
    """Prometheus, which has evaluated for a long time."""

    active: list[ActiveAlert] = field(default_factory=list)
    dead: bool = False

    async def alerts(self) -> list[ActiveAlert]:
        if self.dead:
            raise ConnectionError
        return self.active

    async def started_at(self) -> datetime:
        return at(-100_000)


@dataclass
class World:
    store: SqlStore
    clock: Ticker
    held: list[RoutedAlert] = field(default_factory=list)
    broken: bool = False
    rules: Rules = field(default_factory=Rules)
    alive: bool = False

    def __post_init__(self) -> None:
        ingest = Ingest(self.store, self.clock, policy=POLICY, wake=lambda: None)
        self.reconciler = Reconciler(
            self.store,
            self,
            ingest,
            self.clock,
            receiver="dexwatch",
            every_seconds=30,
            missing_seconds=180,
            evaluator=Evaluator(self.rules, settle_seconds=180, clock=self.clock),
            alive=lambda _: self.alive,
        )

    @property
    def seconds(self) -> float:
        return self.clock.seconds

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self.clock.seconds = seconds

    async def alerts(self, *, receiver: str = "") -> list[RoutedAlert]:
        assert receiver == "dexwatch"
        if self.broken:
            raise ConnectionError
        return self.held

    async def round(self, seconds: float) -> int:
        """Compare every half minute until then, and then."""
        fed = 0
        while self.seconds < seconds:
            self.seconds = min(self.seconds + 30, seconds)
            fed += await self.reconciler.once(self)
        return fed


def held(**changes: object) -> RoutedAlert:
    event = fire()
    alert = RoutedAlert(
        fingerprint=event.fingerprint,
        labels=event.labels,
        annotations=event.annotations,
        starts=event.starts_at,
        ends=at(10_000),
        state="active",
        silenced_by=(),
        inhibited_by=(),
        receivers=("dexwatch",),
    )
    return replace(alert, **changes)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = Ticker()
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}", clock=clock)
    yield World(store, clock)
    await store.close()


async def test_an_alert_whose_webhook_was_lost_opens_its_incident(world: World) -> None:
    world.held = [held()]
    await world.round(30)
    await world.round(60)
    assert (await world.store.incidents(IncidentFilter())).total == 1


async def test_a_resolve_that_was_never_sent_is_noticed_but_not_in_haste(world: World) -> None:
    await apply(world.store, [fire()], 0)
    for seconds in (30, 60, 200):
        await world.round(seconds)
        assert (await world.store.incident("INC-1")).incident.unresolved
    await world.round(211)
    assert (await world.store.incident("INC-1")).incident.state is IncidentState.RESOLVED


async def test_a_short_absence_is_forgotten_when_the_alert_is_back(world: World) -> None:
    await apply(world.store, [fire()], 0)
    await world.round(30)
    world.held = [held()]
    await world.round(100)
    world.held = []
    await world.round(130)
    await world.round(300)
    assert (await world.store.incident("INC-1")).incident.unresolved


async def test_a_silenced_alert_pages_nobody_until_the_silence_ends(world: World) -> None:
    world.held = [held(silenced_by=("s1",), state="suppressed")]
    await world.round(30)
    assert (await world.store.incidents(IncidentFilter())).total == 0
    assert (await world.store.firing())[0].suppressed_by == "silence s1"
    world.held = [held()]
    await world.round(60)
    assert (await world.store.incident("INC-1")).notifications


async def test_what_was_resolved_too_early_is_brought_back(world: World) -> None:
    await apply(world.store, [fire()], 0)
    await apply(world.store, [clear(end=50)], 50)
    world.held = [held()]
    await world.round(54)
    assert (await world.store.incident("INC-1")).incident.state is IncidentState.RESOLVED
    await world.round(60)
    assert (await world.store.incident("INC-1")).incident.unresolved


async def test_what_is_routed_elsewhere_or_is_the_dead_mans_signal_is_not_ours(
    world: World,
) -> None:
    world.held = [
        held(receivers=("others",)),
        held(fingerprint="w", labels={"alertname": "Watchdog", "severity": "none"}),
    ]
    await world.round(30)
    assert (await world.store.incidents(IncidentFilter())).total == 0


async def test_what_was_resolved_manually_and_still_fires_opens_again_after_the_window(
    world: World,
) -> None:
    world.held = [held()]
    await world.round(30)
    await act(world.store, ManuallyResolved("INC-1", "bo", "1"), at(40))
    await world.round(60)
    assert (await world.store.incidents(IncidentFilter())).total == 1
    await world.round(41 + POLICY.reopen_window.total_seconds())
    view = await world.store.incident("INC-2")
    assert view.incident.previous == "INC-1"
    assert view.notifications[0].why.value == "still_firing"


async def test_an_alertmanager_that_is_down_changes_nothing(world: World) -> None:
    await apply(world.store, [fire()], 0)
    world.broken = True
    world.seconds = 500
    with pytest.raises(ConnectionError):
        await world.reconciler.once(world)
    assert (await world.store.incident("INC-1")).incident.unresolved


async def test_what_agrees_is_not_judged_again_and_what_is_of_another_source_is_left_alone(
    world: World,
) -> None:
    other = replace(fire("Probe", "P1", alert_group="probe"), source="grafana")
    await apply(world.store, [fire(), other], 0)
    world.held = [held()]
    before = await world.store.revision()
    for seconds in (30, 300, 3000):
        world.seconds = seconds
        assert await world.reconciler.once(world) == 0
    assert await world.store.revision() == before
    assert [a.source for a in await world.store.firing("grafana")] == ["grafana"]


async def test_thousands_of_firing_alerts_are_compared_and_none_is_left_out(
    world: World,
) -> None:
    many = [fire("CpuUse80", "P2", alert_group="cpu", instance=f"h{n}") for n in range(1500)]
    await apply(world.store, many, 0)
    world.held = [held(fingerprint=event.fingerprint, labels=event.labels) for event in many[1:]]
    assert await world.round(30) == 0
    assert await world.round(211) == 1, "the one that is gone"


async def state_after(world: World, rounds: range) -> IncidentState:
    for seconds in rounds:
        await world.round(seconds)
    view = await world.store.incident("INC-1")
    assert view is not None
    return view.incident.state


async def test_nothing_is_over_while_its_source_is_dead_and_then_it_has_time_to_come_back(
    world: World,
) -> None:
    await apply(world.store, [fire()], 0)
    world.rules.dead = True
    assert await state_after(world, range(30, 3000, 30)) is IncidentState.OPEN
    world.rules.dead = False
    assert await state_after(world, range(3000, 3180, 30)) is IncidentState.OPEN
    assert await state_after(world, range(3180, 3190, 30)) is IncidentState.RESOLVED


async def test_what_prometheus_still_has_is_not_over_though_alertmanager_lost_it(
    world: World,
) -> None:
    await apply(world.store, [fire()], 0)
    world.rules.active = [ActiveAlert(fire().labels, {}, "pending", "", 1.0)]
    assert await state_after(world, range(30, 1000, 30)) is IncidentState.OPEN
    world.rules.active = []
    assert await state_after(world, range(1000, 1010, 30)) is IncidentState.RESOLVED


async def test_a_prometheus_that_cannot_be_asked_is_vouched_for_by_its_signal(
    world: World,
) -> None:
    await apply(world.store, [fire()], 0)
    world.rules.dead, world.alive = True, True
    assert await state_after(world, range(30, 210, 30)) is IncidentState.OPEN
    assert await state_after(world, range(210, 220, 30)) is IncidentState.RESOLVED


async def test_what_alertmanager_lists_fires_though_its_clock_is_behind_ours(
    world: World,
) -> None:
    await apply(world.store, [fire()], 0)
    world.held = [held(ends=at(1))]
    assert await state_after(world, range(30, 600, 30)) is IncidentState.OPEN


async def test_one_odd_alert_does_not_hide_the_others(world: World) -> None:
    first = datetime(1, 1, 2, tzinfo=UTC)
    year_1 = fire("OddlyOld", alert_group="odd", annotations={"for_seconds": "604800"})
    broken = fire("Broken", alert_group="broken")
    world.held = [
        held(fingerprint="old", labels=year_1.labels, annotations=year_1.annotations, starts=first),
        held(fingerprint="broken", labels=broken.labels, starts=None),
        held(),
    ]
    await world.round(30)
    firing = await world.store.firing()
    assert {alert.name for alert in firing} == {"OddlyOld", "ApiUptimeLow"}
    assert await world.reconciler.once(world) == 0


async def test_a_start_compares_at_once_and_then_every_half_minute(world: World) -> None:
    world.held = [held()]
    for _ in range(2):
        await world.store.transact(lambda tx: tx.jobs.add([JOB]))
        (job,) = await world.store.claim(owner="me", slots={QUEUE: Slots(1)}, kinds=[RECONCILE])
        result = await world.reconciler(job)
        assert (result.outcome, result.after) == (JobOutcome.DONE, 30)
        await world.store.transact(lambda tx, j=job, r=result: tx.jobs.settle(j, r))
    assert (await world.store.incidents(IncidentFilter())).total == 1
    world.broken = True
    result = await world.reconciler(job)
    assert (result.outcome, result.after, result.attempted) == (JobOutcome.RETRY, 30, False)


async def test_a_restart_does_not_wait_anew_and_time_in_which_nobody_looked_does_not_count(
    world: World,
) -> None:
    await apply(world.store, [fire()], 0)
    await world.round(90)
    restarted = World(world.store, world.clock)
    restarted.seconds += 3600
    assert await restarted.reconciler.once(restarted) == 0
    assert (await world.store.incident("INC-1")).incident.unresolved
    await restarted.round(restarted.seconds + 30)
    view = await world.store.incident("INC-1")
    assert view.incident.state is IncidentState.RESOLVED


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_clock_that_is_set_ends_nothing(world: World, step: float) -> None:
    await apply(world.store, [fire()], 0)
    await world.round(30)
    world.clock.step = step
    await world.round(90)
    assert (await world.store.incident("INC-1")).incident.unresolved
