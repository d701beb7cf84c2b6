"""Sign-in sessions of the console.

Only a hash of the token is kept, so a copy of the database signs nobody in.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from dexwatch.storage import tables
from dexwatch.storage.database import Database


@dataclass(frozen=True)
class Session:
    """One signed-in browser; `token_hash` is the hex SHA-256 of the cookie's token."""

    token_hash: str
    username: str
    csrf: str
    created_at: datetime
    expires_at: datetime


class SqlSessionStore:
    """Sessions beside the incidents; every method may raise `StoreUnavailableError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        token_hash: str,
        *,
        username: str,
        csrf: str,
        created_at: datetime,
        expires_at: datetime,
        most: int = 20,
    ) -> None:
        """Keep a new session, and of its user's only the newest `most`.

        Those that have expired by its creation are forgotten.
        """
        columns = tables.sessions.c
        async with self._database.write() as connection:
            old = columns.expires_at <= created_at
            await connection.execute(delete(tables.sessions).where(old))
            await connection.execute(
                insert(tables.sessions).values(
                    token_hash=token_hash,
                    username=username,
                    csrf=csrf,
                    created_at=created_at,
                    expires_at=expires_at,
                )
            )
            newest = (
                select(columns.token_hash)
                .where(columns.username == username)
                .order_by(columns.created_at.desc(), columns.token_hash)
                .limit(most)
            )
            surplus = columns.token_hash.not_in(newest) & (columns.username == username)
            await connection.execute(delete(tables.sessions).where(surplus))

    async def get(self, token_hash: str, now: datetime) -> Session | None:
        """Return the session unless it is unknown or expired."""
        columns = tables.sessions.c
        query = select(tables.sessions).where(
            columns.token_hash == token_hash, columns.expires_at > now
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return Session(**row) if row else None

    async def extend(self, token_hash: str, until: datetime) -> None:
        """Let a session last longer."""
        where = tables.sessions.c.token_hash == token_hash
        async with self._database.write() as connection:
            await connection.execute(update(tables.sessions).where(where).values(expires_at=until))

    async def end(self, token_hash: str) -> None:
        """Forget one."""
        where = tables.sessions.c.token_hash == token_hash
        async with self._database.write() as connection:
            await connection.execute(delete(tables.sessions).where(where))
