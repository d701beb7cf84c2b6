"""No death, restart or step of a clock ends an alert that fires; every death is told in time."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.incidents.liveness.signal import HeartbeatTimeout
from dexwatch.jobs.job import Job
from dexwatch.response.ingest import Ingest
from dexwatch.response.liveness.dead_man import ALERT, DEAD_MAN, DeadMan
from dexwatch.response.liveness.evaluator import Evaluator
from dexwatch.response.reconcile import Reconciler
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerting import REPEAT, VALID, Alerting, DeadError, Held, Rules
from tests.fakes.alerts import POLICY, at

pytestmark = pytest.mark.slow

PROVES = ("U-DEADMAN",)
"""Requirements that these tests prove, for `dexwatch coverage`."""

TIMEOUT = HeartbeatTimeout(silence=60, grace=180)
TICK = TIMEOUT.check_interval
RECONCILE = 30.0
JOB = Job(1, DEAD_MAN, "q", "", "k", "", {}, 0, 10.0, "t", 1, None, 0.0, 0, False, 0, 1)

ACTS = st.sampled_from(
    ["prometheus dies", "prometheus starts", "alertmanager dies", "alertmanager starts",
     "we restart", "clock back", "clock forward", "nothing"]
)  # fmt: skip
SCHEDULES = st.lists(st.tuples(ACTS, st.sampled_from([5, 20, 45, 100, 250])), max_size=7)


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.alerting = folder, Alerting()
        self.store: SqlStore

    async def begin(self) -> None:
        world = self.alerting
        step = world.wall - world.steady
        self.store = await open_store(
            f"sqlite+aiosqlite:///{self.folder / 'd.sqlite'}",
            clock=lambda: at(world.steady + step),
        )

        def wall() -> object:
            return at(world.wall)

        def steady() -> float:
            return world.steady

        evaluator = Evaluator(Rules(world), settle_seconds=180, clock=wall, steady=steady)
        self.ingest = Ingest(
            self.store, wall, policy=POLICY, wake=lambda: None, evaluator=evaluator
        )
        self.dead_man = DeadMan(
            self.store,
            wall,
            policy=POLICY,
            sources=("alertmanager",),
            timeout=TIMEOUT,
            evaluator=evaluator,
            steady=steady,
        )
        self.reconciler = Reconciler(
            self.store,
            Held(world),
            self.ingest,
            wall,
            receiver="dexwatch",
            every_seconds=RECONCILE,
            missing_seconds=180,
            evaluator=evaluator,
            alive=self.dead_man.alive,
        )
        self.reconciled = world.steady

    async def act(self, what: str) -> None:
        world = self.alerting
        match what:
            case "prometheus dies":
                world.prometheus = False
            case "prometheus starts":
                world.restart_prometheus()
            case "alertmanager dies":
                world.alertmanager = False
            case "alertmanager starts":
                world.restart_alertmanager()
            case "clock back":
                world.wall -= 3600
            case "clock forward":
                world.wall += 3600
            case "we restart":
                await self.store.close()
                await self.begin()

    async def tick(self) -> set[str]:
        """Let five seconds go by; return the names of what fires."""
        world = self.alerting
        world.wall += TICK
        world.steady += TICK
        told, beats = world.step()
        if beats:
            await self.dead_man.heard("alertmanager", at(world.wall))
        if told:
            await self.ingest(told)
        await self.dead_man(JOB)
        if world.steady - self.reconciled >= RECONCILE:
            self.reconciled = world.steady
            with contextlib.suppress(DeadError):
                await self.reconciler.once(Held(world))
        return {alert.name for alert in await self.store.firing()}


async def live(schedule: list[tuple[str, int]], folder: Path) -> None:
    world = World(folder)
    await world.begin()
    try:
        for _ in range(8):
            fires = await world.tick()
        assert fires == {"NodeDown"}
        dead, long = 0.0, 0.0
        unsure: set[str] = set()
        for what, seconds in schedule:
            # Alertmanager keeps the signal for an hour when the clock is put back by one, and we
            # cannot know a Prometheus that was dead when we began.
            unsure = set() if world.alerting.prometheus else unsure | {what}
            await world.act(what)
            for _ in range(int(seconds / TICK)):
                fires = await world.tick()
                assert "NodeDown" in fires, f"it goes on, and was ended after {what}"
                lives = world.alerting.prometheus and world.alerting.alertmanager
                dead = 0.0 if lives else dead + TICK
                long = 0.0 if what == "we restart" and _ == 0 else long + TICK
                bound = VALID + REPEAT + TIMEOUT.silence + 4 * TICK
                excused = {"clock back", "we restart"} <= unsure
                if dead > bound and long > TIMEOUT.grace + 2 * TICK and not excused:
                    assert ALERT in fires, "a death is told in time"
        await afterwards(world)
    finally:
        await world.store.close()


async def afterwards(world: World) -> None:
    """All is started and over: so say the incidents, and nothing is left held."""
    if not world.alerting.alertmanager:
        world.alerting.restart_alertmanager()
    if not world.alerting.prometheus:
        world.alerting.restart_prometheus()
    for _ in range(int(100 / TICK)):
        await world.tick()
    world.alerting.holds = False
    for _ in range(int(480 / TICK)):
        fires = await world.tick()
    assert fires == set()


@settings(max_examples=25)
@given(SCHEDULES)
def test_a_firing_alert_is_never_resolved_and_every_death_pages(
    schedule: list[tuple[str, int]],
) -> None:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        asyncio.run(live(schedule, Path(folder)))
