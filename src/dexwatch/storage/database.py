"""One database, opened so that two processes can share it and a commit survives a power cut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, ExceptionContext, event, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dexwatch.clients.database_errors import told
from dexwatch.clock import SteadyClock
from dexwatch.response.store import RacedError, StoreRefusedError, StoreUnavailableError
from dexwatch.storage.schema import SchemaError, migrate

_log = structlog.get_logger(__name__)

_BUSY_MILLISECONDS = 5000
_MIGRATION_LOCK = 7_341_001
"""Key of PostgreSQL's advisory lock that processes take which start together."""

_RACES = frozenset({"23505", "40001", "40P01"})
"""PostgreSQL: unique violation, serialisation failure, deadlock; another try may succeed."""

_TOO_MUCH = "54"
"""PostgreSQL's class of what goes beyond a limit of its own, such as an index entry's length."""

_READ_ONLY = "25006"
"""PostgreSQL: writing to a server that only reads, such as one that is the standby now."""

_NO_TABLES = frozenset({"3F000", "42P01"})
"""PostgreSQL: no such schema or table, as in a database that was made anew under us."""

_OF_THE_DATABASE = ("3D", "3F", "42")
"""PostgreSQL's classes of missing databases, tables and rights, which no value can cause."""

_TRANSACTION_SECONDS = 30.0
"""Three times a statement's limit, which only a server that still runs can hold."""

_MIGRATION_SECONDS = 600.0
"""Large tables are rewritten, and who starts at the same time waits for that."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Database:
    """Short transactions: `write()` for those that change something, `read()` for the others.

    Both raise `StoreUnavailableError` for whatever keeps the database from answering,
    `RacedError` when another process was faster and `StoreRefusedError` for mistakes of ours.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Callable[[], datetime] | None, *, seconds: float
    ) -> None:
        self._engine = engine
        self._seconds = seconds
        self._writing = engine.execution_options(write=True)
        self.postgresql = engine.dialect.name == "postgresql"
        self._clock = clock or (None if self.postgresql else SteadyClock())
        # Within a process a lock queues writers fairly; SQLite's own wait would poll.
        self._turn = asyncio.Lock()
        self._has_tables = True

    @asynccontextmanager
    async def write(self, *, seconds: float | None = None) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in a transaction that commits at the end, or not at all."""
        async with nullcontext() if self.postgresql else self._turn:
            await self._make_tables()
            with _named():
                async with self._limit(seconds), self._writing.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection that sees one consistent moment."""
        await self._make_tables()
        with _named():
            async with self._limit(), self._engine.begin() as connection:
                yield connection

    def _limit(self, seconds: float | None = None) -> asyncio.Timeout:
        """Bound a transaction with a server, whose kernel may answer long after the server stopped.

        A file needs none: waiting for another process's lock on it has a bound of its own.
        """
        return asyncio.timeout((seconds or self._seconds) if self.postgresql else None)

    async def now(self, connection: AsyncConnection) -> int:
        """Return microseconds since 1970 by the database's clock, for due times and leases.

        With PostgreSQL that is the server's, which all processes share. With SQLite it is this
        process's steady clock, which does not step when the machine's clock is set.
        """
        if self._clock is None:
            asked = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
            return int((await connection.execute(asked)).scalar_one())
        return (self._clock() - _EPOCH) // timedelta(microseconds=1)

    async def migrate(self) -> None:
        """Bring the schema up to date; processes that start together take turns.

        Raises:
            SchemaError: another dexwatch has used it, and this one cannot take it over.
        """
        async with self.write(seconds=_MIGRATION_SECONDS) as connection:
            if self.postgresql:
                lock = text("SELECT pg_advisory_xact_lock(:key)")
                await connection.execute(lock, {"key": _MIGRATION_LOCK})
            await connection.run_sync(migrate)

    async def _make_tables(self) -> None:
        """Make the tables anew where they were found to be gone."""
        if self._has_tables:
            return
        # Before they are there: making them is a transaction, too.
        self._has_tables = True
        try:
            await self.migrate()
        except BaseException as error:
            self._has_tables = False
            if isinstance(error, SchemaError):
                raise StoreUnavailableError(str(error)) from None
            raise
        _log.warning("database.made_anew", remedy="what it held is gone: restore it from a copy")

    def look_at(self, context: ExceptionContext) -> None:
        """Learn from an error of the server what the next transaction needs."""
        state = getattr(context.original_exception, "sqlstate", None)
        if state == _READ_ONLY:
            # Behind a proxy the connections to a former primary live on, and a ping finds nothing
            # wrong.
            context.is_disconnect = True
        elif state in _NO_TABLES:
            self._has_tables = False

    async def close(self) -> None:
        """Give back all connections."""
        await self._engine.dispose()


async def open_database(
    url: str,
    clock: Callable[[], datetime] | None = None,
    *,
    seconds: float = _TRANSACTION_SECONDS,
) -> Database:
    """Open the database and bring its schema up to date.

    Args:
        url: the address for SQLAlchemy.
        clock: instead of the database's, for tests.
        seconds: how long a transaction with a server may take.

    Raises:
        StoreUnavailableError: it cannot be reached.
        SchemaError: another dexwatch has used it, and this one cannot take it over.
    """
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {} if sqlite else {"pool_pre_ping": True, "connect_args": _PG}
    engine = create_async_engine(
        url, pool_size=5, max_overflow=5, pool_timeout=5, hide_parameters=True, **options
    )
    if sqlite:
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
    database = Database(engine, clock, seconds=seconds)
    if not sqlite:
        event.listen(engine.sync_engine, "handle_error", database.look_at)
    try:
        await database.migrate()
    except BaseException:
        await engine.dispose()
        raise
    return database


_PG = {
    "connect_timeout": 5,
    # A server that has vanished without a word is noticed like one that refuses.
    "tcp_user_timeout": 10000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
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


_REFUSALS = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


class _named:  # noqa: N801 - used like a function in a with statement.
    """Turn the driver's errors into ours, so that callers need not know the driver.

    Theirs are left behind, for their texts hold statements with all values.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DBAPIError):
            words = told(error.orig or error)
            state = getattr(error.orig, "sqlstate", None) or ""
            if state in _RACES:
                raise RacedError(f"another process was faster: {words}") from None
            refused = isinstance(error, _REFUSALS) and not state.startswith(_OF_THE_DATABASE)
            if refused or state.startswith(_TOO_MUCH):
                _log.error("database.refused", error=words)
                raise StoreRefusedError(f"the database does not take it: {words}") from None
            raise StoreUnavailableError(f"the database refused: {words}") from None
        if isinstance(error, StatementError):
            name = type(error.orig).__name__
            raise StoreRefusedError(f"the database does not take it: {name}") from None
        if isinstance(error, SQLAlchemyError | OSError):
            raise StoreUnavailableError(
                f"the database does not answer ({type(error).__name__})"
            ) from None
