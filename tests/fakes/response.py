"""The whole response over a real SQLite store, one step at a time.

Its channels fail as told, its workers die at a named point or take long, and it has three clocks:
the wall clock, the database's, and the one that nobody can set.
"""

import asyncio
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select

from dexwatch.incidents.events import Event
from dexwatch.incidents.notice import Notice
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import NotificationState
from dexwatch.jobs.job import Job, JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.response.apply import Applied, apply_events
from dexwatch.response.messaging.dispatch import Dispatcher
from dexwatch.response.messaging.job import MAX_BLIND, NOTIFY, UPDATE, message_of
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.notifier import DeliveryResult, LookupResult
from dexwatch.storage import tables
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker, at

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RETRY_AFTER = 60.0
STEP = 4.0
"""Seconds between two signs of life, a third of the shortest lease."""
MODES = ("works", "down", "slows", "takes_and_breaks", "breaks", "refuses")


@dataclass
class Channel:
    """A receiver that does as its mode says, and remembers what it was asked and what it has."""

    name: str
    steady: Ticker
    can_tell: bool
    mode: str = "works"
    parallel: int = 4
    only_state_changes: bool = False
    shows_chart: bool = False
    shared_limit: bool = True
    attempt_seconds: float | None = None
    asked: list[tuple[float, str]] = field(default_factory=list)
    """When it was asked to take which message."""
    has: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
    """How often the sender could not know whether a message was taken."""
    held_until: float = -math.inf
    claim: int = 0
    """Counts the claims, because messages that are under way together do not know of each other."""
    hold_claim: int = 0
    hold_known: bool = True
    """False until the attempt that met the hold is settled."""
    broken_holds: list[tuple[float, str]] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    """Pages that it was sent again though it would have told that it has them."""
    deaths: Counter[str] = field(default_factory=Counter)
    """How often the worker of a message died or lost its lease."""
    unsure: Counter[str] = field(default_factory=Counter)
    """Copies of a message of which the sender cannot know whether they have arrived."""
    answered: set[str] = field(default_factory=set)
    """Messages of which it has said what came of them, and whose worker has not settled that."""
    blind: list[str] = field(default_factory=list)
    """Messages of which as many copies lay unsure as may, and which were sent once more."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, notice: Notice) -> DeliveryResult:
        now, key = self.steady.seconds, notice.key
        self.asked.append((now, key))
        if now < self.held_until and self.hold_known and self.claim > self.hold_claim:
            self.broken_holds.append((now, key))
        if self.tells and self.has[key] and key.startswith(f"{NOTIFY}/"):
            self.needless.append(key)
        if not self.tells and self.unsure[key] >= MAX_BLIND:
            self.blind.append(key)
        if self.mode in ("works", "takes_and_breaks"):
            self.has[key] += 1
        if self.mode in ("takes_and_breaks", "breaks"):
            self.cut_off[key] += 1
            self.unsure[key] += 1
            return DeliveryResult.unknown("the connection broke")
        self.answered.add(key)
        if self.mode == "slows":
            self.held_until, self.hold_claim = now + RETRY_AFTER, self.claim
            return DeliveryResult.retryable("slow down", retry_after=RETRY_AFTER)
        if self.mode == "down":
            return DeliveryResult.retryable("down")
        if self.mode == "refuses":
            return DeliveryResult.failed("no such recipient")
        return DeliveryResult.delivered(handle=f"{self.name}/{key}")

    def cuts(self, key: str) -> int:
        """How often nobody knew whether a message was taken; a worker that dies knows its job."""
        job = key.rpartition("/")[0] if key.startswith(f"{UPDATE}/") else ""
        return self.cut_off[key] + self.cut_off[job]

    @property
    def tells(self) -> bool:
        """Would it say now whether it has a message?"""
        return self.can_tell and self.mode not in ("down", "breaks", "takes_and_breaks")

    async def lookup(self, notice: Notice) -> LookupResult:
        if not self.tells:
            return LookupResult(None)
        self.unsure[notice.key] = 0
        return LookupResult(self.has[notice.key] > 0, f"{self.name}/{notice.key}")


class Response:
    """Synchronous, so that a state machine can drive it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.wall, self.steady, self.lived = Ticker(), Ticker(), Ticker()
        self.server = False
        """Is the database a server, whose clock is the wall clock and can be set under us?"""
        self.stepped = False
        """Has the database's clock been set since a worker last looked for work?"""
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
        self.stepped = True
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
        if self.stepped:
            await self._no_time_is_ahead()
            self.stepped = False
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
