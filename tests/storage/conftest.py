"""The two databases that the behaviour suite runs over."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker
from tests.fakes.databases import postgresql

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgresql() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}"
    server = request.getfixturevalue("server")
    name = f"t{next(_numbers)}"
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def ticker() -> Ticker:
    """The clock that jobs are reckoned by."""
    return Ticker()


@pytest.fixture
async def store(url: str, ticker: Ticker) -> AsyncIterator[SqlStore]:
    opened = await open_store(url, clock=ticker, steady=ticker.steady)
    yield opened
    await opened.close()
