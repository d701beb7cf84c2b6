"""What Alembic runs: the migrations, on the connection that `migrate` was given."""

from alembic import context

from dexwatch.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most of a table, so Alembic makes it anew.
    render_as_batch=True,
)
context.run_migrations()
