"""Declared queries against a real PostgreSQL: read only, bounded in time and rows."""

import asyncio
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dexwatch.clients.config import DatabaseConfig, QueryConfig
from dexwatch.clients.database import PlatformDatabase
from dexwatch.clients.http import Outcome, SourceError
from tests.fakes import need
from tools.tree import ROOT

LABELS = ("query",)
PASSWORD = "pass-of-ana"


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        need.missing("PostgreSQL is not installed")
    return found[-1]


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    binaries, folder = _binaries(), Path(tempfile.mkdtemp(prefix="dexwatch-test-pg-"))
    # PostgreSQL refuses to run as root.
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if user:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    port = need.free_port()
    data = folder / "data"
    run = {"cwd": folder, "stdout": subprocess.DEVNULL, **user}
    init = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "ana", "--no-sync"]
    subprocess.run(init, check=True, **run)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
    control = [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, **run)
    try:
        address = f"host=127.0.0.1 port={port} user=ana dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("create sequence s")
        yield address
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, **run)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[PlatformDatabase]:
    found = PlatformDatabase(DatabaseConfig(dsn=dsn, timeout_seconds=0.5))
    yield found
    await found.close()


def query(sql: str, **options: int) -> QueryConfig:
    return QueryConfig(metric="business_query_value", sql=sql, **options)


async def test_rows_become_series(database: PlatformDatabase) -> None:
    rows = await database.fetch(
        query("select 'a' as query, 1.5::numeric as value union all select 'b', null"), ("query",)
    )
    assert [(row.value, row.labels) for row in rows] == [(1.5, {"query": "a"})]


async def test_a_null_is_no_label(database: PlatformDatabase) -> None:
    rows = await database.fetch(query("select null::text as query, 2 as value"), LABELS)
    assert [(row.value, row.labels) for row in rows] == [(2.0, {"query": ""})]


@pytest.mark.parametrize(
    ("sql", "outcome", "words"),
    [
        ("select 1 as value", Outcome.MALFORMED, "give the columns"),
        ("select 'x' as value, 'a' as query", Outcome.MALFORMED, "not a number"),
        ("select 'nan'::float as value, 'a' as query", Outcome.MALFORMED, "finite"),
        (
            "select i as value, 'a' as query from generate_series(1, 99) i",
            Outcome.MALFORMED,
            "rows",
        ),
        (
            "select i as value, 'a' as query from generate_series(1, 2) i",
            Outcome.MALFORMED,
            "same labels",
        ),
        ("select pg_sleep(5), 1 as value, 'a' as query", Outcome.TIMEOUT, "no result in"),
        ("create table x (a int)", Outcome.RPC_ERROR, "syntax error"),
        ("select 1 as value, 'a' as query; drop table x", Outcome.RPC_ERROR, "multiple commands"),
        ("select nextval('s') as value, 'a' as query", Outcome.RPC_ERROR, "read-only"),
        ("select nothing", Outcome.RPC_ERROR, "does not exist"),
    ],
)
async def test_what_does_not_fit_is_refused_and_the_next_query_works(
    database: PlatformDatabase, sql: str, outcome: Outcome, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as raised:
        await database.fetch(query(sql, max_rows=10), ("query",))
    assert raised.value.outcome is outcome
    assert await database.fetch(query("select 1 as value, 'a' as query"), ("query",))


async def test_a_lost_connection_is_opened_anew(database: PlatformDatabase) -> None:
    good = query("select 1 as value, 'a' as query")
    await database.fetch(good, ("query",))
    with pytest.raises(SourceError) as raised:
        await database.fetch(
            query("select pg_terminate_backend(pg_backend_pid())::int as value, 'a' as query"),
            ("query",),
        )
    assert raised.value.outcome is Outcome.CONNECTION
    assert await database.fetch(good, ("query",))


async def test_the_grants_of_the_guide_let_queries_read_and_nothing_else(dsn: str) -> None:
    guide = (ROOT / "docs" / "guides" / "platform-engineer.md").read_text()
    (grants,) = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    with psycopg.connect(dsn, autocommit=True) as owner:
        for table in ("users", "sessions", "orders", "secrets"):
            owner.execute(f"create table {table} (state text)")
        owner.execute(grants)
    reader = PlatformDatabase(DatabaseConfig(dsn=dsn.replace("user=ana", "user=dexwatch_reader")))
    counted = await reader.fetch(
        query("select count(*) as value, 'a' as query from orders"), LABELS
    )
    assert [row.value for row in counted] == [0]
    for sql in ("select 1 as value, state as query from secrets", "table pg_authid"):
        with pytest.raises(SourceError, match="permission denied"):
            await reader.fetch(query(sql), LABELS)
    await reader.close()
    plain = dsn.replace("user=ana", "user=dexwatch_reader")
    with psycopg.connect(plain) as writer, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        writer.execute("insert into orders values ('x')")


async def test_a_server_that_repeats_the_password_gets_it_into_no_error(dsn: str) -> None:
    database = PlatformDatabase(DatabaseConfig(dsn=f"{dsn} password={PASSWORD}"))
    with pytest.raises(SourceError, match=r"does not exist.*redacted|redacted.*exist") as raised:
        await database.fetch(query(f'select "{PASSWORD}" as value, 1 as query'), LABELS)
    await database.close()
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select mail::int as value, 'a' as query from held", "InvalidTextRepresentation.*22P02"),
        ("select mail as value, 'a' as query from held", "`value` is not a number"),
        ("select raises(mail) as value, 'a' as query from held", "RaiseException.*P0001"),
        ("select breaks(mail) as value, 'a' as query from held", "SyntaxError.*42601"),
        ("select 1 / (length(mail) - 15) as value, 'a' as query from held", "DivisionByZero"),
        ("select '20000-01-01'::date as value, mail as query from held", "DataError"),
    ],
)
async def test_values_of_the_tables_are_in_no_error(dsn: str, sql: str, words: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("create table if not exists held (mail text)")
        owner.execute("truncate held")
        owner.execute("insert into held values ('bo@example.test')")
        owner.execute(
            "create or replace function raises(held text) returns int language plpgsql as"
            " $$ begin raise exception 'no % here', held using detail = held; end $$"
        )
        owner.execute(
            "create or replace function breaks(held text) returns int language plpgsql as"
            " $$ begin execute 'selec ' || held; end $$"
        )
    database = PlatformDatabase(DatabaseConfig(dsn=dsn))
    with pytest.raises(SourceError, match=words) as raised:
        await database.fetch(query(sql), LABELS)
    await database.close()
    assert "bo@" not in "".join(traceback.format_exception(raised.value))
    assert "20000" not in str(raised.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "host=127.0.0.1 user=ana pass-of-ana",
        "host=127.0.0.1 password='pass-of-ana",
        "postgresql://ana:pass-of-ana%zz@127.0.0.1/dex",
        "postgresql://ana@[pass-of-ana/dex",
        "postgresql://127.0.0.1/dex?pass-of-ana",
        "host=127.0.0.1 password=pass-of-ana\udcff",
        "host=127.0.0.1 password=pass-of-ana port=none",
        "postgresql://ana:a@pass-of-ana..dex",
    ],
)
async def test_a_dsn_that_cannot_be_read_is_told_without_it(dsn: str) -> None:
    database = PlatformDatabase(DatabaseConfig(dsn=dsn))
    with pytest.raises(SourceError, match=r"database\.dsn|not reachable") as raised:
        await database.fetch(query("select 1 as value, 'a' as query"), LABELS)
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))


async def test_a_refused_connection_and_a_timeout_are_distinguished() -> None:
    gone = PlatformDatabase(DatabaseConfig(dsn=f"host=127.0.0.1 port={need.free_port()} user=x"))
    with pytest.raises(SourceError) as raised:
        await gone.fetch(query("select 1"), ())
    assert raised.value.outcome is Outcome.CONNECTION

    silent = await asyncio.start_server(lambda *_: asyncio.sleep(30), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    mute = PlatformDatabase(
        DatabaseConfig(dsn=f"host=127.0.0.1 port={port} user=x", timeout_seconds=0.2)
    )
    with pytest.raises(SourceError) as raised:
        await mute.fetch(query("select 1"), ())
    assert raised.value.outcome is Outcome.TIMEOUT
    silent.close()


async def test_options_of_the_dsn_are_kept_but_for_the_limits_that_are_ours(dsn: str) -> None:
    options = "-c search_path=shop -c default_transaction_read_only=off -c statement_timeout=0"
    database = PlatformDatabase(DatabaseConfig(dsn=f"{dsn} options='{options}'"))
    shown = "', '".join(("search_path", "transaction_read_only", "statement_timeout"))
    sql = f"select 1 as value, setting as query from pg_settings where name in ('{shown}')"
    rows = await database.fetch(QueryConfig(metric="business_query_value", sql=sql), LABELS)
    await database.close()
    assert {row.labels["query"] for row in rows} == {"shop", "on", "3000"}


async def test_a_query_cannot_give_itself_the_right_to_write(database: PlatformDatabase) -> None:
    freed = "select set_config('transaction_read_only', 'off', true), 1 as value, 'a' as query"
    with pytest.raises(SourceError, match="before any query"):
        await database.fetch(query(freed), LABELS)


async def test_a_pooler_that_refuses_settings_at_the_start_serves_queries(dsn: str) -> None:
    """As PgBouncer does, which also gives each transaction another server."""
    given = conninfo_to_dict(dsn)

    async def pooler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = await reader.readexactly(4)
        start = await reader.readexactly(int.from_bytes(length, "big") - 4)
        if b"options\0" in start:
            words = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
            writer.write(b"E" + (len(words) + 4).to_bytes(4, "big") + words)
            writer.close()
            return
        there, out = await asyncio.open_connection(str(given["host"]), int(str(given["port"])))
        out.write(length + start)
        await asyncio.gather(_pass(reader, out), _pass(there, writer))

    server = await asyncio.start_server(pooler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # Without it the driver asks for encryption first.
    address = (
        f"host=127.0.0.1 port={port} user=ana dbname=postgres sslmode=disable gssencmode=disable"
    )
    database = PlatformDatabase(DatabaseConfig(dsn=address))
    statements = "select count(*) as value, 'a' as query from pg_prepared_statements"
    counts = [(await database.fetch(query(statements), LABELS))[0].value for _ in range(8)]
    assert counts == [0.0] * 8
    await database.close()
    server.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65_536):
        writer.write(part)
    writer.close()
