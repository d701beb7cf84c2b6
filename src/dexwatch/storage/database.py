"""One database, opened so that two processes can share it and a commit survives a power cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.versions import migrate

_BUSY_MILLISECONDS = 5000
_WRITER_LOCK = 7_341_001
"""Key of PostgreSQL's advisory lock: one decision at a time, as SQLite has one writer."""


class Database:
    """Short transactions: `write()` for those that change something, `read()` for the others.

    Both raise `StoreUnavailableError` for whatever keeps the database from answering.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(write=True)
        self.postgresql = engine.dialect.name == "postgresql"
        # Within a process a lock queues writers fairly; SQLite's own wait would poll.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def write(self, *, deciding: bool = False) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in a transaction that commits at the end, or not at all.

        With `deciding` no other process decides at the same time.
        """
        async with nullcontext() if self.postgresql else self._turn:
            with _named():
                async with self._writing.begin() as connection:
                    if deciding and self.postgresql:
                        lock = text("SELECT pg_advisory_xact_lock(:key)")
                        await connection.execute(lock, {"key": _WRITER_LOCK})
                    yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that sees one consistent moment."""
        with _named():
            async with self._engine.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Give back all connections."""
        await self._engine.dispose()


async def open_database(url: str) -> Database:
    """Open the database and bring its schema up to date.

    Raises:
        StoreUnavailableError: it cannot be reached.
        NewerSchemaError: a newer dexwatch has used it.
    """
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {} if sqlite else {"pool_pre_ping": True, "connect_args": _PG}
    engine = create_async_engine(url, pool_size=5, max_overflow=5, pool_timeout=5, **options)
    if sqlite:
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
    database = Database(engine)
    try:
        async with database.write(deciding=True) as connection:
            await connection.run_sync(migrate)
    except BaseException:
        await engine.dispose()
        raise
    return database


_PG = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=30000",
}


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type.
    # The driver must not begin transactions by itself: it would begin them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that begins by reading and then writes can be refused half-way; this cannot.
    writes = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class _named:  # noqa: N801 - used like a function in a with statement.
    """Turn the driver's errors into ours, so that callers need not know the driver."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, IntegrityError) or error is None:
            return
        if isinstance(error, DBAPIError):
            said = str(error.orig).strip().splitlines()
            raise StoreUnavailableError(
                f"the database refused: {said[0][:200] if said else type(error.orig).__name__}"
            ) from error
        if isinstance(error, SQLAlchemyError | OSError):
            raise StoreUnavailableError(
                f"the database does not answer ({type(error).__name__})"
            ) from error
