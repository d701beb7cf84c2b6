"""A real PostgreSQL that stands still while its machine answers, or that only reads now."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.database import Database, open_database

_PATIENCE = 1.0


@pytest.fixture
async def database(server: str) -> AsyncIterator[Database]:
    opened = await open_database(server, seconds=_PATIENCE)
    yield opened
    await opened.close()


async def backend(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def stop_within(database: Database, pids: list[int]) -> None:
    async with database.write() as connection:
        pids.append(await backend(connection))
        os.kill(pids[0], signal.SIGSTOP)
        await connection.execute(text("SELECT 1"))


async def read(database: Database) -> int:
    async with database.read() as connection:
        return await backend(connection)


async def create(database: Database, table: str) -> int:
    async with database.write() as connection:
        await connection.execute(text(f"CREATE TEMPORARY TABLE {table} (a INT)"))
        return await backend(connection)


async def test_a_transaction_whose_server_stands_still_ends_and_the_next_one_is_served(
    database: Database,
) -> None:
    pids: list[int] = []
    try:
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await stop_within(database, pids)
        async with database.write() as connection:
            assert await backend(connection) not in pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_an_idle_connection_whose_server_stands_still_is_given_up(database: Database) -> None:
    stopped = await read(database)
    os.kill(stopped, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await read(database)
        assert await read(database) != stopped
    finally:
        os.kill(stopped, signal.SIGCONT)


async def test_a_server_that_only_reads_now_is_left_and_the_address_asked_anew(
    database: Database,
) -> None:
    async with database.write() as connection:
        demoted = await backend(connection)
        await connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(StoreUnavailableError, match="read-only"):
        await create(database, "never")
    assert await create(database, "taken") != demoted
