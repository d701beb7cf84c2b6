"""Jobs put into a queue, taken from it, settled, or worked off by a worker."""

import asyncio
from collections.abc import Awaitable, Callable

from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import Job, JobOutcome, JobResult, NewJob
from dexwatch.jobs.queue import Slots
from dexwatch.jobs.worker import Worker
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.storage.store import SqlStore
from tests.fakes.alerts import Ticker

KIND = "test"
Told = list[tuple[str, JobOutcome]]


async def plan(store: SqlStore, *keys: str, queue: str = "q", **more: object) -> None:
    jobs = [NewJob(kind=KIND, queue=queue, key=key, **{"lease": 10.0} | more) for key in keys]
    await store.transact(lambda tx: tx.jobs.add(jobs))


async def take(
    store: SqlStore, free: int = 9, *, kept: tuple[int, ...] = (), **more: int
) -> list[Job]:
    slots = {"q": Slots(free, kept)} | {name: Slots(count) for name, count in more.items()}
    return await store.claim(owner="me", slots=slots, kinds=[KIND])


async def settle(store: SqlStore, job: Job, result: JobResult) -> bool:
    return await store.transact(lambda tx: tx.jobs.settle(job, result))


async def keys(store: SqlStore, **more: int) -> list[str]:
    return [job.key for job in await take(store, **more)]


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
