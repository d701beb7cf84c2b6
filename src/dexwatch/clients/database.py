"""The platform's own database, read only: declared queries, bounded in time and rows."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import isfinite

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL

from dexwatch.clients.config import DatabaseConfig, QueryConfig
from dexwatch.clients.database_errors import told
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.probing import Probe
from dexwatch.clients.redaction import Redaction
from dexwatch.metrics.business import BUSINESS_METRICS


@dataclass(frozen=True)
class Row:
    """One series of a query's result."""

    value: float
    labels: Mapping[str, str]


class PlatformDatabase:
    """Runs one query at a time on one connection, which is opened anew after a failure."""

    def __init__(self, config: DatabaseConfig) -> None:
        self._dsn = config.dsn
        self._timeout = config.timeout_seconds
        # In each transaction, not when connecting: PgBouncer refuses settings at the start, and
        # those of a session would stay with a server that it gives to others.
        self._limits = SQL("set transaction read only; set local statement_timeout = {}").format(
            round(config.timeout_seconds * 1000)
        )
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._redact = Redaction()

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await connection.close()

    async def fetch(self, query: QueryConfig, labels: tuple[str, ...]) -> list[Row]:
        """Run a query in a read-only transaction and return its rows; null values are left out.

        Raises:
            SourceError: no connection, too slow, refused, too many rows, or columns other than
                `value` and the labels.
        """
        async with self._turn:
            try:
                # The server's own limit ends the statement first; this one covers a silent server.
                async with asyncio.timeout(self._timeout + 1.0):
                    return await self._fetch(query, labels)
            except TimeoutError as error:
                await self.close()
                raise SourceError(Outcome.TIMEOUT, "the database does not answer") from error
            except psycopg.errors.QueryCanceled:
                raise SourceError(
                    Outcome.TIMEOUT, f"{query.metric}: no result in {self._timeout:g} s"
                ) from None
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError):
                await self.close()
                # A part of a DSN that was not meant so may be taken for the host, which is named.
                raise SourceError(Outcome.CONNECTION, "the database is not reachable") from None
            except psycopg.Error as error:
                # The server repeats what it was given, such as a setting or a part of a query.
                reason = self._redact.text(told(error))
                raise SourceError(Outcome.RPC_ERROR, f"{query.metric}: {reason}") from None

    async def _fetch(self, query: QueryConfig, labels: tuple[str, ...]) -> list[Row]:
        connection = await self._connected()
        # A server-side cursor takes one SELECT only and sends no more rows than are asked for.
        async with connection.transaction(), connection.cursor("dexwatch") as cursor:
            await connection.execute(self._limits)
            await cursor.execute(query.sql)
            found = await cursor.fetchmany(query.max_rows + 1)
            columns = [column.name for column in cursor.description or ()]
        if sorted(columns) != sorted(("value", *labels)):
            wanted = ", ".join(("value", *labels))
            raise SourceError(
                Outcome.MALFORMED, f"{query.metric}: give the columns {wanted}; got {columns}"
            )
        if len(found) > query.max_rows:
            raise SourceError(
                Outcome.MALFORMED, f"{query.metric}: more than {query.max_rows} rows: aggregate"
            )
        named = (dict(zip(columns, row, strict=True)) for row in found)
        rows = [_row(record, query.metric) for record in named if record["value"] is not None]
        if len({tuple(sorted(row.labels.items())) for row in rows}) < len(rows):
            raise SourceError(
                Outcome.MALFORMED, f"{query.metric}: two rows have the same labels: aggregate"
            )
        return rows

    async def _connected(self) -> AsyncConnection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = await self._connect(self._dsn.get_secret_value())
            except (psycopg.ProgrammingError, ValueError):
                # Their words quote what cannot be read, which may be the password.
                raise SourceError(
                    Outcome.CONNECTION,
                    "`database.dsn` cannot be read: write postgresql://USER:PASSWORD@HOST/DATABASE",
                ) from None
        return self._connection

    async def _connect(self, dsn: str) -> AsyncConnection:
        given = conninfo_to_dict(dsn)
        secrets = (given.get(name) for name in ("password", "sslpassword"))
        self._redact = Redaction(secrets=tuple(str(secret) for secret in secrets if secret))
        return await AsyncConnection.connect(
            dsn,
            autocommit=True,
            connect_timeout=max(2, round(self._timeout)),
            application_name="dexwatch",
            # A pooler may give the next transaction to a server that has not prepared it.
            prepare_threshold=None,
        )


def _row(record: Mapping[str, object], metric: str) -> Row:
    try:
        value = float(str(record["value"]))
    except ValueError:
        raise SourceError(Outcome.MALFORMED, f"{metric}: `value` is not a number") from None
    if not isfinite(value):
        raise SourceError(Outcome.MALFORMED, f"{metric}: `value` is not a finite number")
    # A null is no name: to Prometheus an empty label is one that is not there.
    labels = {name: "" if text is None else str(text) for name, text in record.items()}
    del labels["value"]
    return Row(value, labels)


def probes(config: DatabaseConfig) -> Iterator[Probe]:
    """Yield what `dexwatch doctor` tries: each query, or the sign-in where there is none."""
    if not config.queries:
        asked = QueryConfig(metric="business_query_value", sql="select 1 as value, '' as query")
        found = partial(_signed_in, config, asked)
        yield Probe("connection", found, "Check the DSN and the role's rights.")
    for query in config.queries:
        yield Probe(
            query.metric,
            partial(_rows, config, query),
            "Check the DSN, the role's rights, and the query's columns.",
        )


async def _signed_in(config: DatabaseConfig, query: QueryConfig) -> str:
    await _rows(config, query)
    return "signed in; no queries are configured"


async def _rows(config: DatabaseConfig, query: QueryConfig) -> str:
    database = PlatformDatabase(config)
    labels = next(m.labels for m in BUSINESS_METRICS if m.name == query.metric)
    try:
        rows = await database.fetch(query, labels)
    finally:
        await database.close()
    return "1 row" if len(rows) == 1 else f"{len(rows)} rows"
