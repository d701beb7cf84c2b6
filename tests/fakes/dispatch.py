"""Sends stored messages over channels that do as they are told, one job at a time."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from dexwatch.incidents.notice import Chart, Notice
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import NotificationState
from dexwatch.jobs.job import Job, JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.response.messaging.chart import ChartRequest
from dexwatch.response.messaging.dispatch import Dispatcher
from dexwatch.response.messaging.job import NOTIFY, UPDATE
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.notifier import DeliveryResult, LookupResult
from dexwatch.storage import tables
from dexwatch.storage.rows import SECOND
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import POLICY, Ticker, apply
from tests.fakes.notices import CHART

SAYS = {
    "summary": "s",
    "query": "up",
    "unit": "ratio",
    "threshold": "0.5",
    "runbook_url": "/runbooks/X",
}
"""Annotations of an alert that has a graph and a runbook."""


@dataclass
class Channel:
    """A notifier that does as it is told."""

    name: str = "email"
    parallel: int = 2
    only_state_changes: bool = True
    shows_chart: bool = True
    shared_limit: bool = True
    attempt_seconds: float | None = None
    idempotent: bool = False
    sent: list[Notice] = field(default_factory=list)
    answers: list[DeliveryResult | Exception] = field(default_factory=list)
    """Given one after the other; then every message is delivered."""
    found: bool | None = None
    away: bool = False
    """It cannot be asked just now."""
    takes: float = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, notice: Notice) -> DeliveryResult:
        self.sent.append(notice)
        await asyncio.sleep(self.takes)
        answer = self.answers.pop(0) if self.answers else DeliveryResult.delivered(handle="h")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def lookup(self, notice: Notice) -> LookupResult:
        return LookupResult(None, away=True) if self.away else LookupResult(self.found, "found")


class Charts:
    def __init__(self, takes: float) -> None:
        self.takes = takes

    async def chart(self, request: ChartRequest) -> Chart | None:
        await asyncio.sleep(self.takes)
        wanted = request.quantity
        assert (wanted.query, wanted.unit, wanted.threshold) == ("up", "ratio", 0.5)
        return CHART


@dataclass
class Rig:
    """A store, channels, and a clock; jobs are done one at a time when the test says so."""

    store: SqlStore
    clock: Ticker
    channels: dict[str, Channel]
    charts: Charts | None = None
    policy: Policy = POLICY

    def __post_init__(self) -> None:
        self.queue = ResponseQueue(self.store, self.clock, self.policy)

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.store, self.channels, self.clock, public_url="http://c/", charts=self.charts
        )

    async def apply(self, *events: object) -> None:
        await apply(self.store, events, self.clock.seconds, self.policy)

    async def take(self, channel: str = "email", free: int = 1) -> list[Job]:
        slots = dict.fromkeys(self.channels, Slots(0)) | {channel: Slots(free)}
        return await self.queue.claim(owner="me", slots=slots, kinds=[NOTIFY, UPDATE])

    async def do(self, job: Job) -> JobResult:
        result = await self.dispatcher()(job)
        await self.queue.settle(job, result)
        return result

    async def work(self, until: float, *, step: float = 1) -> None:
        """Do all that becomes due until then, as if it were looked for every so many seconds."""
        while self.clock.seconds <= until:
            for channel in self.channels:
                for job in await self.take(channel, 9):
                    await self.do(job)
            left = until - self.clock.seconds
            self.clock.seconds += step * (1 + min(await self._idle(), left) // step)

    async def next_due(self, channel: str) -> Job:
        """Let time go on until something of the channel is due, and take it."""
        while not (jobs := await self.take(channel)):
            self.clock.seconds += 1 + min(await self._idle(), 3600)
        return jobs[0]

    async def _idle(self) -> float:
        """Return for how many seconds from now a look would find nothing that is due."""
        jobs = tables.jobs.c
        waits = (jobs.state == "due") & jobs.kind.in_((NOTIFY, UPDATE))
        async with self.store.database.read() as connection:
            now = await self.store.database.now(connection)
            due = await connection.scalar(select(func.min(jobs.due_at)).where(waits))
        return math.inf if due is None else max(0, due - now - 1) / SECOND

    async def states(self) -> dict[str, NotificationState]:
        view = await self.store.incident("INC-1")
        return {n.recipient: n.state for n in view.notifications}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Rig]:
    """Open a rig with a store of its own, Slack and e-mail."""
    clock = Ticker()
    store = await open_store(
        f"sqlite+aiosqlite:///{folder / 'd.sqlite'}", clock=clock, steady=clock.steady
    )
    try:
        yield Rig(store, clock, {"slack": Channel("slack"), "email": Channel("email")})
    finally:
        await store.close()
