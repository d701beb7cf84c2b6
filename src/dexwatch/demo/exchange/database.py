"""The sample's PostgreSQL: made afresh at each start, small, with some weeks of history."""

import asyncio
import secrets
import shutil
import signal
from pathlib import Path

import psycopg

from dexwatch.daemons.program import DaemonError, Port, Program, SocketReady
from dexwatch.demo.exchange.programs import (
    APP_ROLE,
    PASSWORD,
    READER_ROLE,
    ExchangeConfig,
    unprivileged,
)
from dexwatch.demo.exchange.store import hashed

MAX_CONNECTIONS = 80
_START_SECONDS = 15.0
_POSTGRES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")


def _postgres_binary(name: str) -> str:
    for pattern in _POSTGRES:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / name).exists():
                return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise DaemonError(f"{name} is not installed; install it: apt-get install postgresql")
    return found


async def create_database(config: ExchangeConfig) -> None:
    """Create the cluster's folder; about a second.

    Raises:
        DaemonError: initdb refuses; the message holds its words.
    """
    home, user = config.root / "postgres", unprivileged("postgres")
    home.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(home, user, user)
    process = await asyncio.create_subprocess_exec(
        _postgres_binary("initdb"),
        *("-D", str(home / "data"), "-U", "postgres", "--auth-local=trust"),
        *("--auth-host=scram-sha-256", "--no-sync", "--locale=C", "--encoding=UTF8"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=home,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    except TimeoutError:
        process.kill()
        raise DaemonError("initdb did not end within 60 s: the disk may be too slow") from None
    if process.returncode != 0:
        raise DaemonError(f"initdb failed: {output.decode(errors='replace')[-400:]}")


class ConnectionHolder:
    """Holds connections of the database so that few are left for others."""

    def __init__(self, config: ExchangeConfig) -> None:
        self._config = config
        self._held: list[psycopg.AsyncConnection[tuple[object, ...]]] = []

    async def fill(self, share: float) -> None:
        """Open connections until `share` of those that the server allows are taken."""
        wanted = round(share * MAX_CONNECTIONS)
        while len(self._held) < MAX_CONNECTIONS:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._config.app_dsn, autocommit=True, connect_timeout=3
                )
            except psycopg.OperationalError:
                return  # Others took the rest: there is no more to be had than all.
            self._held.append(connection)
            cursor = await connection.execute(
                "select count(*) from pg_stat_activity where backend_type = 'client backend'"
            )
            row = await cursor.fetchone()
            if row is None or int(str(row[0])) >= wanted:
                return

    async def release(self) -> None:
        """Close all that are held."""
        held, self._held = self._held, []
        await asyncio.gather(*(c.close() for c in held), return_exceptions=True)


def postgres(config: ExchangeConfig) -> Program:
    """Return the database server: small, and without the writes that only survive power loss."""
    home = config.root / "postgres"
    options = {
        "listen_addresses": "127.0.0.1",
        "max_connections": MAX_CONNECTIONS,
        "shared_buffers": "32MB",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_wal_size": "128MB",
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "jit": "off",
        "timezone": "UTC",
    }
    settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    return Program(
        name="postgres",
        argv=(
            _postgres_binary("postgres"),
            *("-D", str(home / "data"), "-k", str(config.socket)),
            *("-p", str(config.database_port), *settings),
        ),
        data=(config.socket,),
        ports=(Port("the sample's database", config.database_port),),
        ready=SocketReady(config.socket / f".s.PGSQL.{config.database_port}"),
        user=unprivileged("postgres"),
        stop_signal=signal.SIGINT,  # "Fast": open sessions are ended, not waited for.
        package="postgresql",
    )


async def fill_database(config: ExchangeConfig) -> None:
    """Create roles, tables and some weeks of history.

    Raises:
        DaemonError: the database did not accept connections in time.
    """
    salt = secrets.token_bytes(16)
    schema = (Path(__file__).parent / "schema.sql").read_text()
    for name in ("salt", "hash"):
        # The driver cannot pass parameters to several statements at once.
        value = salt if name == "salt" else hashed(PASSWORD, salt)
        schema = schema.replace(f"%({name})s", f"'\\x{value.hex()}'::bytea")
    async with await _connect(config, "postgres", autocommit=True) as connection:
        for role, password in (
            (APP_ROLE, config.app_password),
            (READER_ROLE, config.reader_password),
        ):
            await connection.execute(f"create role {role} login password '{password}'".encode())
        await connection.execute(f"create database exchange owner {APP_ROLE}".encode())
        await connection.execute(
            f"grant pg_monitor to {READER_ROLE};"
            f"alter role {READER_ROLE} set default_transaction_read_only = on".encode()
        )
    async with await _connect(config, "exchange") as connection:
        await connection.execute(f"set role {APP_ROLE}".encode())
        await connection.execute(schema.encode())
        await connection.execute(
            f"grant usage on schema public to {READER_ROLE};"
            f"grant select on all tables in schema public to {READER_ROLE};"
            "reset role; analyze".encode()
        )


async def _connect(
    config: ExchangeConfig, database: str, *, autocommit: bool = False
) -> psycopg.AsyncConnection[tuple[object, ...]]:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        try:
            return await psycopg.AsyncConnection.connect(
                host=str(config.socket),
                port=config.database_port,
                user="postgres",
                dbname=database,
                autocommit=autocommit,
                connect_timeout=3,
            )
        except psycopg.OperationalError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise DaemonError(f"the sample's database does not answer: {error}") from error
            await asyncio.sleep(0.05)
