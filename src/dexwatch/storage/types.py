"""Column types that mean the same in SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcTimestamp(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole microseconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Return the microseconds."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        """Return the datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """A JSON value, kept as text: nobody queries inside it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: Dialect) -> str | None:
        """Return the text, in which NUL is escaped; half a surrogate pair becomes `?`."""
        if value is None:
            return None
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            return (
                json.dumps(value, ensure_ascii=False, default=_plain)
                .encode("utf-8", "replace")
                .decode()
            )

    def process_result_value(self, value: str | None, _dialect: Dialect) -> object:
        """Return the value."""
        return None if value is None else orjson.loads(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")


class Text(TypeDecorator[str]):
    """Text, foreign text too: PostgreSQL takes no NUL and no half of a surrogate pair."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return what every database can keep."""
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
