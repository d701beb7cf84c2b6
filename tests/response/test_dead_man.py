"""Without the dead man's signal we open a P0 ourselves, and its return ends that."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dexwatch.incidents.events import ManuallyResolved
from dexwatch.incidents.liveness.signal import HeartbeatTimeout
from dexwatch.incidents.records import IncidentState
from dexwatch.jobs.job import JobOutcome
from dexwatch.jobs.queue import Slots
from dexwatch.metrics.severity import Severity
from dexwatch.response.actions import act
from dexwatch.response.liveness.dead_man import DEAD_MAN, JOB, QUEUE, DeadMan
from dexwatch.response.views import IncidentFilter
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import POLICY, Ticker

TIMEOUT = HeartbeatTimeout(silence=60, grace=180)


class World:
    """A store whose clock a test sets, and the job on it."""

    def __init__(self, store: SqlStore, clock: Ticker) -> None:
        self.store, self.clock, self.woken = store, clock, 0
        self.restart()

    def restart(self) -> None:
        self.dead_man = DeadMan(
            self.store,
            self.clock,
            policy=POLICY,
            sources=("alertmanager",),
            timeout=TIMEOUT,
            wake=self._wake,
            steady=lambda: self.clock.seconds,
        )

    def _wake(self) -> None:
        self.woken += 1

    async def beat(self) -> None:
        await self.dead_man.heard("alertmanager", self.clock())

    async def listen(self, seconds: float) -> None:
        """Let the job run as it does, for so long."""
        await self.store.transact(lambda tx: tx.jobs.add([JOB]))
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            jobs = await self.store.claim(owner="test", slots={QUEUE: Slots(1)}, kinds=(DEAD_MAN,))
            for job in jobs:
                result = await self.dead_man(job)
                assert result.outcome is JobOutcome.DONE
                assert await self.store.transact(lambda tx, j=job, r=result: tx.jobs.settle(j, r))
            self.clock.seconds += 2.5

    async def incidents(self) -> list[tuple[str, IncidentState]]:
        listed = await self.store.incidents(IncidentFilter())
        return [(one.id, one.state) for one in reversed(listed.incidents)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = Ticker()
    store = await open_store(
        f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}", clock=clock, steady=clock.steady
    )
    yield World(store, clock)
    await store.close()


async def test_a_prometheus_that_never_started_is_reported_after_the_grace(world: World) -> None:
    await world.listen(170)
    assert await world.incidents() == []
    await world.listen(20)
    assert await world.incidents() == [("INC-1", IncidentState.OPEN)]
    view = await world.store.incident("INC-1")
    assert view is not None
    assert (view.incident.severity, view.incident.title) == (Severity.P0, "Monitoring is dead")
    assert "has never come" in view.alerts[0].annotations["description"]
    assert view.alerts[0].annotations["runbook_url"] == "/runbooks/Watchdog"
    assert view.notifications
    assert world.woken == 1, "paged once, at once"


async def test_a_signal_that_stops_pages_and_its_return_ends_the_incident(world: World) -> None:
    for _ in range(5):
        await world.beat()
        await world.listen(20)
    assert await world.incidents() == []
    await world.listen(60)
    assert await world.incidents() == [("INC-1", IncidentState.OPEN)]
    await world.beat()
    assert world.dead_man.alive("alertmanager")
    await world.listen(10)
    assert await world.incidents() == [("INC-1", IncidentState.RESOLVED)]


@pytest.mark.parametrize("step", [3600, -3600])
async def test_a_clock_that_is_set_neither_pages_nor_keeps_from_paging(
    world: World, step: float
) -> None:
    await world.beat()
    await world.listen(20)
    world.clock.seconds += step
    await world.listen(20)
    assert await world.incidents() == []
    await world.listen(80)
    assert await world.incidents() == [("INC-1", IncidentState.OPEN)]


async def test_a_restart_gives_the_source_its_grace_and_forgets_no_alert(world: World) -> None:
    await world.beat()
    await world.listen(50)
    world.clock.seconds += 600
    world.restart()
    await world.listen(150)
    assert await world.incidents() == []
    await world.listen(50)
    assert await world.incidents() == [("INC-1", IncidentState.OPEN)]
    world.restart()
    await world.beat()
    await world.listen(10)
    assert await world.incidents() == [("INC-1", IncidentState.RESOLVED)]


async def test_what_is_resolved_manually_opens_again_while_the_signal_is_missing(
    world: World,
) -> None:
    await world.listen(190)
    await act(world.store, ManuallyResolved("INC-1", "bo", "1"), world.clock())
    await world.listen(POLICY.reopen_window.total_seconds() + 20)
    assert ("INC-2", IncidentState.OPEN) in await world.incidents()


async def test_nothing_awaited_ends_the_job(world: World) -> None:
    world.dead_man = DeadMan(
        world.store, world.clock, policy=POLICY, sources=(), timeout=HeartbeatTimeout(0, 0)
    )
    await world.listen(10)
    assert await world.incidents() == []
