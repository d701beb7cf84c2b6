"""The worker over a real queue: any kind of job fits, and no handler can stop the others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dexwatch.backoff import Backoff
from dexwatch.incidents.policy import Policy
from dexwatch.jobs import worker
from dexwatch.jobs.job import Job, JobOutcome, JobResult, NewJob
from dexwatch.jobs.queue import QueueUnavailableError, Slots
from dexwatch.jobs.worker import Worker
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker

Told = list[tuple[str, JobOutcome]]


@dataclass
class Script:
    """A handler that gives the results that it is told, and tells when all are given."""

    results: list[JobResult]
    seen: list[Job] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, job: Job) -> JobResult:
        self.seen.append(job)
        result = self.results.pop(0)
        if not self.results:
            self.ended.set()
        return result


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}")
    yield opened
    await opened.close()


def queue_of(store: SqlStore) -> ResponseQueue:
    return ResponseQueue(store, Ticker(), Policy())


async def run(
    store: SqlStore,
    handler: Callable[[Job], Awaitable[JobResult]],
    *jobs: NewJob,
    until: asyncio.Event,
    slots: dict[str, int],
    told: Told | None = None,
    settled: asyncio.Event | None = None,
) -> None:
    """Work until the event is set; `settled` is set when a job is settled."""
    outcomes: Told = [] if told is None else told

    def note(job: Job, result: JobResult, _: float) -> None:
        outcomes.append((job.key, result.outcome))
        if settled is not None:
            settled.set()

    await store.transact(lambda tx: tx.jobs.add(jobs))
    stop = asyncio.Event()
    worker = Worker(
        queue_of(store),
        {job.kind: handler for job in jobs},
        owner="me",
        slots=slots,
        poll_seconds=0.01,
        on_settled=note,
    )
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(20):
        await until.wait()
        stop.set()
        await running


async def test_an_escalation_step_needs_no_channel(store: SqlStore) -> None:
    """A timer: due after its delay, done without effect when nobody needs it any more."""
    step = NewJob(
        kind="escalate",
        queue="timers",
        key="escalate/INC-1/2",
        subject="INC-1",
        payload={"incident_id": "INC-1", "step": 2},
        priority=0,
        delay=0.05,
    )
    script = Script([JobResult.done("acknowledged meanwhile")])
    await run(store, script, step, until=script.ended, slots={"timers": 4})
    assert script.seen[0].payload == {"incident_id": "INC-1", "step": 2}


async def test_a_playbook_step_needs_no_recipient(store: SqlStore) -> None:
    """It may be cut off, and finds out before it acts again."""
    step = NewJob(
        kind="playbook", queue="chain", key="run/7/step/pause", payload={"run": 7}, priority=0
    )
    script = Script(
        [
            JobResult.retry(0, "the node is away"),
            JobResult.uncertain(0, "sent, no receipt yet"),
            JobResult.done("mined"),
        ]
    )
    await run(store, script, step, until=script.ended, slots={"chain": 1})
    assert [job.uncertain for job in script.seen] == [0, 0, 1]
    assert [job.attempts for job in script.seen] == [1, 2, 3]


async def test_an_approval_expires(store: SqlStore) -> None:
    expiry = NewJob(kind="expire", queue="timers", key="approval/9", delay=0.02)
    script = Script([JobResult.dead("nobody approved in time")])
    told: Told = []
    await run(store, script, expiry, until=script.ended, slots={"timers": 1}, told=told)
    assert told == [("approval/9", JobOutcome.DEAD)]


async def test_a_drill_needs_no_incident(store: SqlStore) -> None:
    drill = NewJob(kind="drill", queue="drills", key="drill/slack", max_attempts=3)
    script = Script([JobResult.retry(0, "not answered"), JobResult.done("answered")])
    await run(store, script, drill, until=script.ended, slots={"drills": 1})
    assert {job.subject for job in script.seen} == {""}


async def test_a_periodic_job_goes_on_by_itself(store: SqlStore) -> None:
    job = NewJob(kind="clean", queue="retention", key="clean", priority=9)
    script = Script([JobResult.done(again_after=0.01)] * 4)
    await run(store, script, job, until=script.ended, slots={"retention": 1})
    assert [job.attempts for job in script.seen] == [1, 1, 1, 1]


async def test_a_handler_that_raises_stops_nobody(store: SqlStore) -> None:
    told: Told = []
    done = asyncio.Event()

    async def handler(job: Job) -> JobResult:
        if job.key == "bad":
            raise ValueError("s3cret")
        done.set()
        return JobResult.done()

    jobs = [NewJob(kind="k", queue="q", key=key) for key in ("bad", "good")]
    await run(store, handler, *jobs, until=done, slots={"q": 1}, told=told)
    assert told == [("bad", JobOutcome.CRASHED), ("good", JobOutcome.DONE)]


async def test_a_database_that_is_away_before_anything_was_done_is_no_crash(
    store: SqlStore,
) -> None:
    seen: list[Job] = []
    done = asyncio.Event()

    async def handler(job: Job) -> JobResult:
        seen.append(job)
        if len(seen) == 1:
            raise QueueUnavailableError("away")
        done.set()
        return JobResult.done()

    told: Told = []
    job = NewJob(kind="k", queue="q", key="a", priority=0)
    await run(store, handler, job, until=done, slots={"q": 1}, told=told)
    assert told == [("a", JobOutcome.RETRY), ("a", JobOutcome.DONE)]
    again = seen[-1]
    assert (again.attempts, again.crashes, again.uncertain, again.lapsed) == (1, 0, 0, False)


async def test_a_long_attempt_keeps_its_lease(store: SqlStore) -> None:
    job = NewJob(kind="k", queue="q", key="long", lease=0.3)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: Job) -> JobResult:
        entered.set()
        await leave.wait()
        return JobResult.done()

    running = asyncio.create_task(run(store, slow, job, until=leave, slots={"q": 1}))
    await entered.wait()
    other = queue_of(store)
    for _ in range(8):
        await asyncio.sleep(0.1)
        assert await other.claim(owner="o", slots={"q": Slots(1)}, kinds=["k"]) == []
    leave.set()
    await running


async def test_slow_low_jobs_do_not_hold_up_urgent_ones(store: SqlStore) -> None:
    """Not one urgent job and not several, however slow these are."""
    begun: asyncio.Queue[int] = asyncio.Queue()
    leave = asyncio.Event()

    async def slow(job: Job) -> JobResult:
        begun.put_nowait(job.priority)
        await leave.wait()
        return JobResult.done()

    low = [NewJob(kind="k", queue="q", key=f"low{n}", priority=3) for n in range(20)]
    running = asyncio.create_task(run(store, slow, *low, until=leave, slots={"q": 8}))
    async with asyncio.timeout(20):
        assert [await begun.get() for _ in range(4)] == [3, 3, 3, 3]
        for priority, count in ((2, 2), (1, 1), (0, 1)):
            more = [
                NewJob(kind="k", queue="q", key=f"{priority}/{n}", priority=priority)
                for n in range(9)
            ]
            await store.transact(lambda tx, jobs=more: tx.jobs.add(jobs))
            assert [await begun.get() for _ in range(count)] == [priority] * count
        leave.set()
        await running


class Away:
    """A queue whose database comes and goes."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = asyncio.Event()

    async def claim(self, **_: object) -> list[Job]:
        if self.errors:
            raise self.errors.pop(0)
        self.asked.set()
        return []

    async def renew(self, job: Job) -> bool:
        raise AssertionError

    async def settle(self, job: Job, result: JobResult) -> bool:
        raise AssertionError


async def test_a_queue_that_fails_for_a_while_is_asked_again() -> None:
    queue = Away(QueueUnavailableError("down"), ValueError("odd"))
    stop = asyncio.Event()
    worker = Worker(queue, {}, owner="me", slots={"q": 1}, poll_seconds=0.01)
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(10):
        await queue.asked.wait()
        stop.set()
        await running
    assert not queue.errors


async def test_what_was_done_is_written_down_when_the_database_comes_back(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many leases that takes, nobody does it again."""
    monkeypatch.setattr(worker, "_SETTLE_AGAIN", Backoff(first=0.01, most=0.02))
    monkeypatch.setattr(worker, "_AFTER_FAILED_CLAIM", Backoff(first=0.01, most=0.02))
    away, refused, long_away = asyncio.Event(), 0, asyncio.Event()

    def guarded(way: Callable[[], Any]) -> Callable[[], Any]:
        def opened() -> Any:
            nonlocal refused
            if away.is_set():
                refused += 1
                if refused > 300:
                    long_away.set()
                raise StoreUnavailableError("away")
            return way()

        return opened

    monkeypatch.setattr(store.database, "read", guarded(store.database.read))
    monkeypatch.setattr(store.database, "write", guarded(store.database.write))
    sent: list[Job] = []

    async def send(job: Job) -> JobResult:
        sent.append(job)
        away.set()
        return JobResult.done("sent")

    job = NewJob(kind="k", queue="q", key="page", lease=0.3)
    settled, told = asyncio.Event(), []
    working = asyncio.create_task(
        run(store, send, job, until=settled, slots={"q": 1}, told=told, settled=settled)
    )
    async with asyncio.timeout(20):
        await long_away.wait()
        away.clear()
        await working
    assert (told, len(sent)) == ([("page", JobOutcome.DONE)], 1)


async def test_what_is_under_way_is_finished_at_the_end(store: SqlStore) -> None:
    entered, told = asyncio.Event(), []

    async def slow(_: Job) -> JobResult:
        entered.set()
        await asyncio.sleep(0.2)
        return JobResult.done()

    jobs = [NewJob(kind="k", queue="q", key=key) for key in ("a", "b")]
    await run(store, slow, *jobs, until=entered, slots={"q": 1}, told=told)
    assert told == [("a", JobOutcome.DONE)]
    left = await queue_of(store).claim(owner="o", slots={"q": Slots(9)}, kinds=["k"])
    assert [job.key for job in left] == ["b"]


class Looks(ResponseQueue):
    """Counts the looks that have ended."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store, Ticker(), Policy())
        self.ended: asyncio.Queue[int] = asyncio.Queue()

    async def claim(self, **asked: Any) -> list[Job]:
        claimed = await super().claim(**asked)
        self.ended.put_nowait(len(claimed))
        return claimed


async def test_a_process_that_could_not_renew_in_time_does_not_do_its_own_job_twice(
    tmp_path: Path,
) -> None:
    ticker, begun, leave, stop = Ticker(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}", steady=ticker.steady)
    attempts: list[Job] = []

    async def handle(job: Job) -> JobResult:
        attempts.append(job)
        begun.set()
        await leave.wait()
        return JobResult.done()

    await store.transact(lambda tx: tx.jobs.add([NewJob(kind="k", queue="q", key="1", priority=0)]))
    queue = Looks(store)
    worker = Worker(queue, {"k": handle}, owner="me", slots={"q": 4}, poll_seconds=0.01)
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(20):
        await begun.wait()
        # The whole process stands still for longer than the lease, and then goes on.
        ticker.seconds += 3600
        while not queue.ended.empty():
            queue.ended.get_nowait()
        looks = [await queue.ended.get() for _ in range(3)]
        leave.set()
        stop.set()
        await running
    await store.close()
    assert looks == [0, 0, 0]
    assert len(attempts) == 1


async def test_who_follows_in_the_same_process_leaves_alone_what_the_former_still_does(
    tmp_path: Path,
) -> None:
    ticker, begun, leave = Ticker(), asyncio.Event(), asyncio.Event()
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}", steady=ticker.steady)
    attempts: list[Job] = []

    async def handle(job: Job) -> JobResult:
        attempts.append(job)
        begun.set()
        await leave.wait()
        return JobResult.done()

    await store.transact(lambda tx: tx.jobs.add([NewJob(kind="k", queue="q", key="1", priority=0)]))
    queue, stops = Looks(store), (asyncio.Event(), asyncio.Event())
    former, latter = (
        Worker(queue, {"k": handle}, owner="me", slots={"q": 4}, poll_seconds=0.01)
        for _ in range(2)
    )
    claiming = asyncio.create_task(former.claim_until(stops[0]))
    async with asyncio.timeout(20):
        await begun.wait()
        stops[0].set()
        await claiming
        running = asyncio.create_task(latter.run(stops[1]))
        await queue.ended.get()
        ticker.seconds += 3600
        while not queue.ended.empty():
            queue.ended.get_nowait()
        looks = [await queue.ended.get() for _ in range(3)]
        leave.set()
        await former.finish()
        stops[1].set()
        await running
    await store.close()
    assert looks == [0, 0, 0]
    assert len(attempts) == 1
