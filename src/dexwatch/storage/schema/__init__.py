"""Brings a database to the schema that this program knows; Alembic does the work.

A migration, once released, is never edited; a change is a new file in `migrations`, made with
`alembic.autogenerate` or by hand, that works on SQLite and PostgreSQL.
"""

from sqlalchemy import Connection, inspect, text

HEAD = "0006"
"""The newest migration. A test compares it with the files."""


class SchemaError(Exception):
    """The database has a schema that this program cannot bring up to date."""


class NewerSchemaError(SchemaError):
    """The database was written by a newer dexwatch; going on could lose what it wrote."""


def migrate(connection: Connection) -> None:
    """Apply the migrations that the database lacks; the caller holds a write lock.

    Raises:
        NewerSchemaError: the database has migrations that this program does not know.
        SchemaError: it was written by dexwatch 0.1, which was never released.
    """
    seen = inspect(connection)
    if seen.has_table("schema_version"):
        raise SchemaError(
            "the database was written by a preview of dexwatch 0.1, whose incidents cannot be"
            " taken over: move the file away (or name another database in storage.url) and start"
            " again"
        )
    if seen.has_table("alembic_version"):
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found == HEAD:
            return
    _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    # Loaded only when there is something to do: a start need not wait for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "dexwatch.storage:schema")
    # A colon, which some systems separate paths by, is part of the name.
    config.set_main_option("path_separator", "space")
    config.set_main_option("version_locations", "dexwatch.storage:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = MigrationContext.configure(connection).get_current_heads()
    if not known.issuperset(present):
        raise NewerSchemaError(
            f"the database has schema {', '.join(present)}, this dexwatch knows {HEAD}: start the"
            " newer dexwatch that wrote it, or restore a copy from before"
        )
    command.upgrade(config, "head")
