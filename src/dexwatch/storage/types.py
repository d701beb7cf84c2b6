"""Column types that mean the same in SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Return the microseconds."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        """Return the datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Document(TypeDecorator[Any]):
    """A JSON value, kept as text: nobody queries inside it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: Dialect) -> str | None:
        """Return the text, in which NUL is escaped; half a surrogate pair becomes `?`."""
        if value is None:
            return None
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> object:
        """Return the value."""
        return None if value is None else orjson.loads(value)


class Words(TypeDecorator[str]):
    """Foreign text: PostgreSQL takes no NUL and no half of a surrogate pair."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Return what every database can keep."""
        if value is None:
            return None
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
