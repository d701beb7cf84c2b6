"""The exchange's database: every statement that the API and the worker use."""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from dexwatch.demo.exchange.process import FaultReader
from dexwatch_instrument import Platform, PoolState

POOL_SIZE = 14
"""Slow statements hold connections longer; the pool must not run dry before users feel it."""
T = TypeVar("T")
_POOL_WAIT_SECONDS = 2.0
_CONNECT_SECONDS = 2


@dataclass(frozen=True)
class TradeRow:
    """A trade as its user sees it."""

    id: int
    pair: str
    side: str
    usd: float
    status: str
    transaction_hash: str | None


class Store:
    """A pool of connections to PostgreSQL, timed and counted."""

    def __init__(self, dsn: str, platform: Platform, faults: FaultReader) -> None:
        self._engine = create_async_engine(
            dsn.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_SECONDS,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_SECONDS, "prepare_threshold": None},
        )
        self._platform = platform
        self._faults = faults
        platform.watch_pool("main", self._pool_state)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def ping(self) -> None:
        """Ask for nothing, to see whether the database answers."""
        await self._do("select 1")

    async def add_user(self, email: str, password: str) -> int | None:
        """Create a user and return the id, or None when the address is taken."""
        salt = secrets.token_bytes(16)
        return await self._add(
            "users", email=email, salt=salt, password_hash=hashed(password, salt)
        )

    async def check_password(self, email: str, password: str) -> int | None:
        """Return the id of the user if the password is right."""
        row = await self._one(
            "select id, salt, password_hash from users where email = :email", email=email
        )
        if row is None or not hmac.compare_digest(
            hashed(password, row["salt"]), row["password_hash"]
        ):
            return None
        return int(row["id"])

    async def open_session(self, user: int, source: str) -> str:
        """Return the token of a new session."""
        token = secrets.token_urlsafe(24)
        await self._do(
            "insert into sessions (token_hash, user_id, source) values (:hash, :user, :source)",
            hash=digest(token),
            user=user,
            source=source,
        )
        return token

    async def session_user(self, token: str) -> int | None:
        """Return whose session it is and note that it was used; None when there is none."""
        return await self._value(
            int,
            "update sessions set last_seen_at = now()"
            " where token_hash = :hash and ended_at is null returning user_id",
            hash=digest(token),
        )

    async def end_session(self, token: str) -> float | None:
        """End a session and return how many seconds it lasted."""
        return await self._value(
            float,
            "update sessions set ended_at = now() where token_hash = :hash and ended_at is null"
            " returning extract(epoch from now() - created_at)",
            hash=digest(token),
        )

    async def open_sessions(self) -> int:
        """Return how many sessions are open and were used within the last half hour."""
        found = await self._value(
            int,
            "select count(*) from sessions"
            " where ended_at is null and last_seen_at > now() - interval '30 minutes'",
        )
        return found or 0

    async def add_trade(self, user: int, pair: str, side: str, usd: float) -> int:
        """Record a trade that is to be carried out; return its id."""
        return await self._add("trades", user_id=user, pair=pair, side=side, usd=usd) or 0

    async def trade(self, user: int, trade: int) -> TradeRow | None:
        """Return a user's own trade."""
        row = await self._one(
            "select id, pair, side, usd::float, status, transaction_hash from trades"
            " where id = :trade and user_id = :user",
            user=user,
            trade=trade,
        )
        return None if row is None else TradeRow(**row)

    async def settle_trade(self, trade: int, status: str, **known: object) -> None:
        """Record a trade's outcome; `known` may hold amounts, fee_usd and transaction_hash."""
        values = dict.fromkeys(
            ("amount_in", "amount_out", "quoted_out", "transaction_hash", "fee_usd")
        )
        await self._do(
            "update trades set status = :status, settled_at = now(), amount_in = :amount_in,"
            " amount_out = :amount_out, quoted_out = :quoted_out,"
            " transaction_hash = :transaction_hash, fee_usd = coalesce(:fee_usd, 0)"
            " where id = :trade and status = 'pending'",
            trade=trade,
            status=status,
            **(values | known),
        )

    async def add_payment(self, user: int, kind: str, usd: float) -> int:
        """Record a payment that is to be carried out; return its id."""
        return await self._add("payments", user_id=user, kind=kind, usd=usd) or 0

    async def settle_payment(self, payment: int, status: str) -> None:
        """Record a payment's outcome."""
        await self._do(
            "update payments set status = :status, settled_at = now() where id = :payment",
            payment=payment,
            status=status,
        )

    async def portfolio(self, user: int) -> dict[str, float]:
        """Return the value of a user's holdings in dollars, by token."""
        rows = await self._all(
            "select token, (amount * usd)::float as usd"
            " from holdings join prices using (token) where user_id = :user order by token",
            user=user,
        )
        return {row["token"]: row["usd"] for row in rows}

    async def add_ticket(self, user: int, subject: str) -> None:
        """Record a question to support; the oldest open ones are answered when many wait."""
        await self._add("tickets", user_id=user, subject=subject)
        await self._do(
            "update tickets set answered_at = now() where id in (select id from tickets"
            " where answered_at is null order by id desc offset 8)"
        )

    async def use_feature(self, user: int, feature: str) -> None:
        """Count the use of a feature."""
        await self._do(
            "insert into feature_uses (feature, user_id) values (:feature, :user)"
            " on conflict (feature, user_id)"
            " do update set uses = feature_uses.uses + 1, last_used_at = now()",
            feature=feature,
            user=user,
        )

    async def add_survey(self, user: int, score: int) -> None:
        """Record an answered survey."""
        await self._add("surveys", user_id=user, score=score)

    async def synced(self, block: int, lag_seconds: Mapping[str, float]) -> None:
        """Note up to which block, and moment, each data set is synchronised."""
        await self._do(
            "update sync_state as s set block = :block,"
            " synced_at = now() - make_interval(secs => given.lag)"
            " from unnest(cast(:names as text[]), cast(:lags as float8[])) as given (dataset, lag)"
            " where s.dataset = given.dataset",
            block=block,
            names=list(lag_seconds),
            lags=list(lag_seconds.values()),
        )

    async def set_prices(self, dollars: Mapping[str, float]) -> None:
        """Keep the tokens' prices for portfolios."""
        await self._do(
            "insert into prices (token, usd)"
            " select * from unnest(cast(:names as text[]), cast(:usd as float8[]))"
            " on conflict (token) do update set usd = excluded.usd, at = now()",
            names=list(dollars),
            usd=list(dollars.values()),
        )

    async def forget(self) -> None:
        """Delete ended sessions that nobody counts any more, to bound the table."""
        await self._do("delete from sessions where ended_at < now() - interval '15 days'")

    async def _add(self, table: str, **row: object) -> int | None:
        """Insert a row; return its id, or None when there is one like it."""
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        # Table and names stand in this file; only the values come from users.
        statement = f"insert into {table} ({names}) values ({values})"  # noqa: S608
        return await self._value(int, f"{statement} on conflict do nothing returning id", **row)

    async def _do(self, statement: str, **values: object) -> None:
        async with self._timed(statement) as connection:
            await connection.execute(text(statement), values)

    async def _one(self, statement: str, **values: object) -> dict[str, Any] | None:
        return next(iter(await self._all(statement, **values)), None)

    async def _value(
        self, read: Callable[[Any], T], statement: str, /, **values: object
    ) -> T | None:
        """Return the first column of the first row, or None when there is no row."""
        row = await self._one(statement, **values)
        return None if row is None else read(next(iter(row.values())))

    async def _all(self, statement: str, **values: object) -> list[dict[str, Any]]:
        async with self._timed(statement) as connection:
            result = await connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()]

    @asynccontextmanager
    async def _timed(self, statement: str) -> AsyncIterator[AsyncConnection]:
        operation = statement.split(maxsplit=1)[0].upper()
        with self._platform.database(operation):
            async with self._engine.begin() as connection:
                delay = self._faults.now.db_delay_seconds
                if delay:
                    # The database itself is slow, as its own statistics will show.
                    await connection.execute(text("select pg_sleep(:delay)"), {"delay": delay})
                yield connection

    def _pool_state(self) -> PoolState:
        pool = self._engine.pool
        if not isinstance(pool, AsyncAdaptedQueuePool):
            return PoolState(idle=0, used=0, most=0)
        return PoolState(idle=pool.checkedin(), used=pool.checkedout(), most=POOL_SIZE)


def hashed(password: str, salt: bytes) -> bytes:
    """Return a password's hash; the cost is a demonstration's, not a bank's."""
    return hashlib.scrypt(password.encode(), salt=salt, n=512, r=8, p=1)


def digest(token: str) -> bytes:
    """Return what is stored of a session token."""
    return hashlib.sha256(token.encode()).digest()
