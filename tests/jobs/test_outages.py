"""A database that goes away and a process that stands still: what was done is not done again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dexwatch.backoff import Backoff
from dexwatch.incidents.policy import Policy
from dexwatch.jobs import worker
from dexwatch.jobs.job import Job, JobOutcome, JobResult, NewJob
from dexwatch.jobs.queue import QueueUnavailableError
from dexwatch.jobs.worker import Worker
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage import tables
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker
from tests.fakes.queueing import Told, run


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


async def test_a_result_that_the_database_refuses_is_settled_without_what_it_says(
    store: SqlStore,
) -> None:
    """Else its lease would lapse, and what was done would be done again and again."""
    done = asyncio.Event()

    async def handler(_: Job) -> JobResult:
        done.set()
        return JobResult.retry(1e14, "later than any database counts")

    told: Told = []
    settled = asyncio.Event()
    job = NewJob(kind="k", queue="q", key="a", priority=0)
    await run(store, handler, job, until=settled, slots={"q": 1}, told=told, settled=settled)
    assert done.is_set()
    assert told == [("a", JobOutcome.RETRY)]
    async with store.database.read() as connection:
        row = (await connection.execute(select(tables.jobs))).mappings().one()
    assert (row["state"], row["attempts"]) == ("due", 1)
    assert "its result was refused" in row["result"]


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
