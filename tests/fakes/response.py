"""The whole response over a real SQLite store, one step at a time.

Its channels fail as told, its workers die at a named point or take long, and it has three clocks:
the wall clock, the database's, and the one that nobody can set.
"""

import asyncio
import math
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select

from dexwatch.incidents.events import Event
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import NotificationState
from dexwatch.jobs.job import Job, JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.response.apply import apply_events
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.messaging.dispatch import Dispatcher
from dexwatch.response.messaging.job import NOTIFY, UPDATE, message_of
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.storage import tables
from dexwatch.storage.store import MEND_SECONDS, SqlStore, open_store
from tests.fakes.alerts import Ticker, at
from tests.fakes.wayward import Channel

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEP = 4.0
"""Seconds between two signs of life, a third of the shortest lease."""


class Response:
    """Synchronous, so that a state machine can drive it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.wall, self.steady, self.lived = Ticker(), Ticker(), Ticker()
        self.server = False
        """Is the database a server, whose clock is the wall clock and can be set under us?"""
        self.mended = -math.inf
        """When a worker last mended times that another clock had set; it does so now and then, and
        when the clock is behind that."""
        self.slow: list[tuple[Job, JobResult]] = []
        """Attempts that were made, by a worker that lives and has not settled them yet."""
        self.tokens: dict[int, str] = {}
        """Whose lease of a job was the last."""
        self.channels = {
            "slack": Channel("slack", self.steady, can_tell=True),
            "email": Channel("email", self.steady, can_tell=False),
        }
        memory = Path("/dev/shm")
        where = memory if memory.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="dexwatch-machine-", dir=where))
        self.loop = asyncio.new_event_loop()
        self.store = self.do(self._open())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def _open(self) -> SqlStore:
        return await open_store(
            f"sqlite+aiosqlite:///{self.folder / 'd.sqlite'}",
            clock=self.steady,
            steady=self.lived.steady,
        )

    def restart(self) -> None:
        """A new process reads the wall clock once; leases and holds of the old one are there."""
        self.do(self.store.close())
        for job, _ in self.slow:
            self._cut(job)
        self.slow = []
        for channel in self.channels.values():
            if not channel.hold_known:
                channel.held_until, channel.hold_known = -math.inf, True
        self._read_wall()
        self.mended = -math.inf
        self.store = self.do(self._open())

    def set_clock(self, seconds: float) -> None:
        """Somebody puts the wall clock forward, or back; a database server's goes with it."""
        self.wall.seconds += seconds
        if self.server:
            self._read_wall()

    def _read_wall(self) -> None:
        """What the database knows of the time is what the machine's clock says now."""
        step = self.wall.seconds - self.steady.seconds
        self.steady.seconds += step
        for channel in self.channels.values():
            # A clock that was put forward cannot be told from a long sleep.
            channel.held_until += min(step, 0)
            channel.asked = [(when + step, key) for when, key in channel.asked]

    def close(self) -> None:
        self.do(self.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def apply(self, events: Sequence[Event]) -> list[Applied]:
        return self.do(apply_events(self.store, events, self.now, policy=self.policy))

    @property
    def now(self) -> Any:
        return at(self.wall.seconds)

    def pass_time(self, seconds: float) -> None:
        """Workers that are slow show that they live meanwhile, those that wait look on."""
        self.do(self._pass_time(seconds))

    async def _pass_time(self, seconds: float) -> None:
        while self.slow and seconds > STEP:
            await self._go_on(STEP)
            seconds -= STEP
        await self._go_on(seconds)

    async def _go_on(self, seconds: float) -> None:
        for clock in (self.wall, self.steady, self.lived):
            clock.seconds += seconds
        for job, _ in self.slow:
            assert await self.queue.renew(job), "a lease of one that lives was lost"

    @property
    def queue(self) -> ResponseQueue:
        return ResponseQueue(self.store, self.wall, self.policy)

    def settle_slow(self) -> None:
        """All that took long ends."""
        for job, result in self.slow:
            self.channels[job.queue].answered.discard(job.key)
            assert self.do(self.queue.settle(job, result)), "a lease of one that lives was lost"
        self.slow = []
        for channel in self.channels.values():
            channel.hold_claim, channel.hold_known = channel.claim, True

    def freeze(self, most: int, seconds: float) -> None:
        """A worker acts, shows no life for so long while another works, and wakes up to settle."""
        known = len(self.slow)
        self.work(most=most, slow=True)
        frozen, self.slow = self.slow[known:], self.slow[:known]
        known_only_to_it = set()
        for job, result in frozen:
            if self._cut(job):
                known_only_to_it.add(job.id)
            if result.hold is not None:
                self.channels[job.queue].held_until = -math.inf
        self.pass_time(seconds)
        self.work(most=9)
        for job, result in frozen:
            held = self.tokens[job.id] == job.lease_token
            if held and job.id in known_only_to_it:
                self.channels[job.queue].unsure[job.key] -= 1
            assert self.do(self.queue.settle(job, result)) == held, "who lost its lease is told so"

    def work(self, *, crash: str = "", most: int = 4, slow: bool = False) -> int:
        """Let a worker take due jobs; it dies at the named point, if any. Return how many.

        A slow one has acted, and settles later.
        """
        return self.do(self._work(crash, most, slow=slow))

    async def _work(self, crash: str, most: int, *, slow: bool) -> int:
        queue = self.queue
        slots = {name: Slots(most) for name in self.channels}
        jobs = await queue.claim(owner="machine", slots=slots, kinds=[NOTIFY, UPDATE])
        if not 0 <= self.steady.seconds - self.mended < MEND_SECONDS:
            await self._no_time_is_ahead()
            self.mended = self.steady.seconds
        for channel in self.channels.values():
            channel.claim += 1
        self.tokens.update({job.id: job.lease_token for job in jobs})
        if crash == "job.claimed":
            return len(jobs)
        dispatcher = Dispatcher(self.store, self.channels, self.wall)
        for job in jobs:
            result = await dispatcher(job)
            await self._a_blind_copy_has_its_reason(job)
            if crash == "job.attempted":
                self._cut(job)
                if result.hold is not None:
                    # Nobody else has learned of it.
                    self.channels[job.queue].held_until = -math.inf
                return len(jobs)
            if slow:
                self.slow.append((job, result))
                if result.hold is not None:
                    self.channels[job.queue].hold_known = False
            else:
                self.channels[job.queue].answered.discard(job.key)
                assert await queue.settle(job, result), "a lease of one that lives was lost"
        return len(jobs)

    def _cut(self, job: Job) -> bool:
        """The worker of an attempt is gone; return whether what came of it is known no more."""
        channel = self.channels[job.queue]
        channel.cut_off[job.key] += 1
        channel.deaths[job.key] += 1
        lost = job.key in channel.answered
        channel.answered.discard(job.key)
        channel.unsure[job.key] += lost
        return lost

    async def _no_time_is_ahead(self) -> None:
        """What was set by a clock that has been put back since is mended by a look for work."""
        ahead = (self.steady() - EPOCH) // timedelta(microseconds=1) + 5_000_000
        jobs, holds = tables.jobs.c, tables.holds.c
        waits = select(jobs.key).where(jobs.state.in_(("due", "leased")), jobs.set_at > ahead)
        held = select(holds.queue).where(holds.set_at > ahead)
        async with self.store.database.read() as connection:
            for query in (waits, held):
                assert (await connection.execute(query)).scalars().all() == []

    async def _a_blind_copy_has_its_reason(self, job: Job) -> None:
        """Only an urgent page that has reached nobody of its round goes out on and on."""
        message = message_of(job)
        channel = self.channels[message.channel]
        blind, channel.blind = channel.blind, []
        if not blind or not message.notification_id:
            return
        view = await self.store.incident(message.incident_id)
        assert view is not None
        pages = view.notifications
        turn = next(n.notification_round for n in pages if n.id == message.notification_id)
        assert message.urgent, f"{job.key} may have arrived"
        states = {n.state for n in pages if n.notification_round == turn}
        assert NotificationState.DELIVERED not in states, f"{job.key}: others have it"
