"""A real PostgreSQL whose clock is set under two workers: nothing is done twice, or late."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import Job, JobOutcome, JobResult, NewJob
from dexwatch.jobs.worker import Worker
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker

SHORTEST = 0.6
STEP = """
CREATE SCHEMA set_clock;
CREATE TABLE set_clock.step AS SELECT interval '0' AS value;
CREATE FUNCTION set_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
'SELECT pg_catalog.clock_timestamp() + value FROM set_clock.step';
"""


@pytest.fixture
async def address(server: str) -> AsyncIterator[str]:
    """A new database whose clock can be set; the server's own is everybody's."""
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("CREATE DATABASE with_clock"))
        await connection.execute(
            text("ALTER DATABASE with_clock SET search_path = set_clock, pg_catalog, public")
        )
    url = server.rpartition("/")[0] + "/with_clock"
    inside = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with inside.connect() as connection:
        for statement in STEP.split(";\n"):
            if statement.strip():
                await connection.execute(text(statement))
    await inside.dispose()
    yield url
    async with engine.connect() as connection:
        await connection.execute(text("DROP DATABASE with_clock WITH (FORCE)"))
    await engine.dispose()


async def set_clock(store: SqlStore, hours: int) -> None:
    async with store.database.write() as connection:
        await connection.execute(
            text(f"UPDATE set_clock.step SET value = interval '{hours} hours'")
        )


async def hour(store: SqlStore) -> int:
    async with store.database.read() as connection:
        return await store.database.now(connection) // 3_600_000_000


class Sender:
    """Sends as long as it is told, and notes who sent what."""

    def __init__(self, sent: list[tuple[str, str]]) -> None:
        self.sent = sent
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    def handler(self, name: str):
        async def send(job: Job) -> JobResult:
            self.sent.append((name, job.key))
            self.begun.set()
            await self.go_on.wait()
            return JobResult.done()

        return send


async def test_nothing_is_done_twice_when_the_server_s_clock_is_set(address: str) -> None:
    stores = [await open_store(address), await open_store(address)]
    sent: list[tuple[str, str]] = []
    sender, told, settled = Sender(sent), [], asyncio.Event()
    stop = asyncio.Event()

    def note(job: Job, result: JobResult, _: float) -> None:
        told.append((job.key, result.outcome))
        if len(told) == 2:
            settled.set()

    workers = [
        Worker(
            ResponseQueue(store, Ticker(), Policy()),
            {"page": sender.handler(str(n))},
            owner=str(n),
            slots={"q": 4},
            poll_seconds=0.02,
            on_settled=note,
        )
        for n, store in enumerate(stores)
    ]
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    page = NewJob(kind="page", queue="q", key="page", priority=0, lease=SHORTEST)
    await stores[0].transact(lambda tx: tx.jobs.add([page]))
    async with asyncio.timeout(30):
        await sender.begun.wait()
        now = await hour(stores[0])
        for hours in (1, 0, -1, 0):
            await set_clock(stores[0], hours)
            assert await hour(stores[1]) - now in (hours, hours + 1), "the clock was set"
            # Two leases go by in which the other worker looks again and again.
            await asyncio.sleep(2 * SHORTEST)
            assert sent == [(sent[0][0], "page")]
        await set_clock(stores[0], -1)
        due = NewJob(kind="page", queue="q", key="later", priority=0, lease=SHORTEST)
        await stores[0].transact(lambda tx: tx.jobs.add([due]))
        sender.go_on.set()
        await settled.wait()
        stop.set()
        await asyncio.gather(*running)
    assert sorted(told) == [("later", JobOutcome.DONE), ("page", JobOutcome.DONE)]
    assert len(sent) == 2
    for store in stores:
        await store.close()
