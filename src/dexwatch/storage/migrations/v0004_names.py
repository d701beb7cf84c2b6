"""Columns and stored events take the names of heartbeats and of unconfirmed resolves."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_EVENTS = sa.table("events", sa.column("id"), sa.column("kind"), sa.column("body"))
_REPEATS = sa.table("event_repeats", sa.column("key"), sa.column("kind"), sa.column("body"))
_AT_ONCE = 1000


def upgrade() -> None:
    """Rename the columns, and the field in each stored resolve."""
    op.alter_column("signals", "beats", new_column_name="heartbeats")
    op.alter_column("signals", "judged_beats", new_column_name="checked_heartbeats")
    _rename(_EVENTS, _EVENTS.c.id)
    _rename(_REPEATS, _REPEATS.c.key)


def downgrade() -> None:
    """There is no way back but a copy from before."""
    raise NotImplementedError


def _rename(table: sa.TableClause, key: sa.ColumnClause[object]) -> None:
    # Not by the database's own JSON functions: foreign texts hold what PostgreSQL refuses.
    connection, last = op.get_bind(), None
    query = sa.select(key, table.c.body).where(table.c.kind == "alert_resolved").order_by(key)
    change = sa.update(table).where(key == sa.bindparam("one")).values(body=sa.bindparam("new"))
    while True:
        after = query if last is None else query.where(key > last)
        rows = connection.execute(after.limit(_AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1][0]
        connection.execute(change, [{"one": one, "new": _renamed(body)} for one, body in rows])


def _renamed(body: str) -> str:
    fields = json.loads(body)
    fields["unconfirmed"] = fields.pop("doubt", None)
    return json.dumps(fields)
