"""A real PostgreSQL that somebody else changes under us: nothing is lost, and all goes on after."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dexwatch.incidents.state import Reason
from dexwatch.response.store import StoreUnavailableError
from dexwatch.response.views import IncidentFilter
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import apply, fire

Administrate = Callable[..., Awaitable[None]]


@pytest.fixture
def administrate(server: str) -> Administrate:
    async def by_hand(*statements: str, database: str = "postgres") -> None:
        address = server.rpartition("/")[0] + f"/{database}"
        engine = create_async_engine(address, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    return by_hand


@pytest.fixture
async def store(server: str, administrate: Administrate) -> AsyncIterator[SqlStore]:
    """A store of a user without rights of its own in a database of its own."""
    await administrate(
        "DROP DATABASE IF EXISTS troubled WITH (FORCE)",
        "DROP ROLE IF EXISTS watcher",
        "CREATE ROLE watcher LOGIN",
        "CREATE DATABASE troubled OWNER watcher",
    )
    opened = await open_store(
        server.replace("dexwatch@", "watcher@").rpartition("/")[0] + "/troubled"
    )
    yield opened
    await opened.close()


async def settled(store: SqlStore) -> None:
    """An alert that came during the trouble is refused whole, so that its sender sends it again."""
    with pytest.raises(StoreUnavailableError):
        await apply(store, [fire(), fire("Disk", "P3", alert_group="d")], 0)


async def taken(store: SqlStore) -> None:
    applied = await apply(store, [fire(), fire("Disk", "P3", alert_group="d")], 0)
    assert [one.reason for one in applied] == [Reason.OPENED, Reason.OPENED]
    assert (await store.incidents(IncidentFilter())).total == 2


async def test_a_database_that_is_dropped_and_made_anew_gets_its_tables(
    store: SqlStore, administrate: Administrate
) -> None:
    await administrate("DROP DATABASE troubled WITH (FORCE)")
    await settled(store)
    await administrate("CREATE DATABASE troubled OWNER watcher")
    await settled(store)
    await taken(store)


async def test_a_schema_that_is_dropped_and_made_anew_gets_its_tables(
    store: SqlStore, administrate: Administrate
) -> None:
    await administrate("DROP SCHEMA public CASCADE", database="troubled")
    await settled(store)
    await settled(store)
    await administrate("CREATE SCHEMA public AUTHORIZATION watcher", database="troubled")
    await taken(store)


async def test_a_table_that_is_gone_is_no_mistake_of_the_alert(
    store: SqlStore, administrate: Administrate
) -> None:
    await administrate("ALTER TABLE alerts RENAME TO elsewhere", database="troubled")
    await settled(store)
    await settled(store)
    await administrate("ALTER TABLE elsewhere RENAME TO alerts", database="troubled")
    await taken(store)


async def test_rights_that_are_taken_away_and_given_back(
    store: SqlStore, administrate: Administrate
) -> None:
    await administrate("ALTER TABLE jobs OWNER TO dexwatch", database="troubled")
    await settled(store)
    await administrate("ALTER TABLE jobs OWNER TO watcher", database="troubled")
    await taken(store)


@pytest.mark.parametrize(
    ("trouble", "mended"),
    [
        ("ALTER ROLE watcher CONNECTION LIMIT 0", "ALTER ROLE watcher CONNECTION LIMIT -1"),
        ("ALTER ROLE watcher NOLOGIN", "ALTER ROLE watcher LOGIN"),
    ],
)
async def test_a_server_that_lets_nobody_in_for_a_while(
    store: SqlStore, administrate: Administrate, trouble: str, mended: str
) -> None:
    await store.database._engine.dispose()
    await administrate(trouble)
    await settled(store)
    await administrate(mended)
    await taken(store)


async def test_a_full_disk(store: SqlStore, administrate: Administrate) -> None:
    await administrate(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()",
        database="troubled",
    )
    await settled(store)
    await administrate("DROP FUNCTION full_disk CASCADE", database="troubled")
    await taken(store)
