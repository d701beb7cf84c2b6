"""The migrations make the tables that the code uses, and refuse what they cannot take over."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from dexwatch.incidents.liveness.confirmation import UnconfirmedReason
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage import migrations, tables
from dexwatch.storage.config import StorageConfig
from dexwatch.storage.database import open_database
from dexwatch.storage.schema import HEAD, NewerSchemaError, SchemaError
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import apply, clear, fire

_ONLY_POSTGRESQL = (
    "ALTER TABLE jobs ALTER COLUMN priority TYPE TEXT",
    "ALTER TABLE jobs ALTER COLUMN queue DROP NOT NULL",
)
_SEEN = {"modify_type", "modify_nullable"}


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, tables.metadata))


async def test_types_nullability_indexes_and_uniques_are_those_of_the_tables(
    store: SqlStore,
) -> None:
    async with store.database.read() as connection:
        assert await connection.run_sync(differences) == []
    # The comparison itself must see a difference of each kind.
    async with store.database.write() as connection:
        for change in (
            "DROP INDEX one_job",
            "DROP INDEX one_open_incident",
            "ALTER TABLE holds ADD COLUMN more BIGINT",
            "DROP TABLE sessions",
            *(_ONLY_POSTGRESQL if store.database.postgresql else ()),
        ):
            await connection.execute(text(change))
    async with store.database.read() as connection:
        found = await connection.run_sync(differences)
    kinds = {one[0] for group in found for one in (group if isinstance(group, list) else [group])}
    wanted = {"add_index", "remove_column", "add_table"}
    assert kinds == wanted | _SEEN if store.database.postgresql else kinds == wanted


async def test_partial_indexes_have_their_conditions(store: SqlStore) -> None:
    def conditions(connection: Connection) -> dict[str, str]:
        dialect, seen = connection.dialect.name, inspect(connection)
        return {
            index["name"]: str(index["dialect_options"][f"{dialect}_where"])
            for name in seen.get_table_names()
            for index in seen.get_indexes(name)
            if index.get("dialect_options", {}).get(f"{dialect}_where") is not None
        }

    async with store.database.read() as connection:
        found = await connection.run_sync(conditions)
    wanted = {
        index.name: str(index.dialect_options["sqlite"]["where"])
        for table in tables.metadata.sorted_tables
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    plain = {name: where.replace("::text", "").strip("()") for name, where in found.items()}
    assert plain == wanted


def test_the_head_is_that_of_the_files() -> None:
    schema, files = Path(migrations.__file__).parent.parent / "schema", migrations.__path__[0]
    assert ScriptDirectory(schema, version_locations=[files]).get_current_head() == HEAD


async def test_opening_again_or_at_once_is_harmless_and_a_newer_schema_is_refused(
    url: str,
) -> None:
    databases = await asyncio.gather(*(open_database(url) for _ in range(4)))
    for opened in databases:
        await opened.close()
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchemaError, match="newer dexwatch"):
        await open_database(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE schema_version (version INTEGER)"))
    await engine.dispose()
    with pytest.raises(SchemaError, match="move the file away"):
        await open_database(url)


async def test_a_database_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    for url in (
        "postgresql+psycopg://nobody:s3cret@127.0.0.1:1/none",
        f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}",
    ):
        with pytest.raises(StoreUnavailableError) as caught:
            await open_store(url)
        assert "s3cret" not in str(caught.value)
    # The driver's thread says good-bye to the loop, which must still be there.
    await asyncio.sleep(0.1)


def test_the_address_comes_from_the_folder_or_the_configuration(tmp_path: Path) -> None:
    assert StorageConfig().database_url(tmp_path).endswith("/dexwatch.sqlite")
    plain = StorageConfig(url="postgresql://u:p@h/d")
    assert plain.database_url(tmp_path) == "postgresql+psycopg://u:p@h/d"
    with pytest.raises(ValueError, match="must begin with postgresql"):
        StorageConfig(url="mysql://h/d")


@pytest.mark.parametrize("name", ["what?", "100%", "%41", "a?mode=memory", "#1", "it's ü"])
async def test_the_file_lies_in_the_folder_however_that_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    config = StorageConfig()
    await (await open_store(config.database_url(folder))).close()
    file = config.sqlite_file(folder)
    assert file == folder / "dexwatch.sqlite"
    assert file.is_file()


def test_only_addresses_of_files_name_a_file(tmp_path: Path) -> None:
    named = StorageConfig(url="sqlite+aiosqlite:////var/lib/a%20b.sqlite?timeout=1")
    assert named.sqlite_file(tmp_path) == Path("/var/lib/a b.sqlite")
    assert StorageConfig(url="postgresql://u:p@h/d").sqlite_file(tmp_path) is None


async def test_events_and_signals_of_an_older_schema_keep_their_content(url: str) -> None:
    opened = await open_store(url)
    hostile = {"summary": '\x00 \ud800 "doubt": null'}
    held = replace(clear(), unconfirmed=UnconfirmedReason.NO_ANSWER)
    await apply(opened, [fire(annotations=hostile), replace(held, annotations=hostile)], 5)
    await opened.transact(lambda tx: tx.signals.heard("alertmanager"))
    before = await opened.history("INC-1")
    assert len(before) == 2
    async with opened.database.write() as connection:
        for change in (
            "ALTER TABLE signals RENAME COLUMN heartbeats TO beats",
            "ALTER TABLE signals RENAME COLUMN checked_heartbeats TO judged_beats",
            """UPDATE events SET body = replace(body, '"unconfirmed"', '"doubt"')""",
            "DROP TABLE absences",
            "DROP TABLE clock_trust",
            "UPDATE alembic_version SET version_num = '0003'",
        ):
            await connection.execute(text(change))
    await opened.close()
    upgraded = await open_store(url)
    assert await upgraded.history("INC-1") == before
    signal = await upgraded.transact(lambda tx: tx.signals.get("alertmanager"))
    assert (signal.heartbeats, signal.checked_heartbeats) == (1, 0)
    await upgraded.close()
