"""The databases behind the store protocols: SQLite for one machine, PostgreSQL for several.

`open_store` is the way in for the respond role and the console alike.
"""

from dexwatch.storage.config import StorageConfig
from dexwatch.storage.database import Database, open_database
from dexwatch.storage.sessions import Session, SessionStore, SqlSessionStore
from dexwatch.storage.store import SqlStore, open_store

__all__ = [
    "Database",
    "Session",
    "SessionStore",
    "SqlSessionStore",
    "SqlStore",
    "StorageConfig",
    "open_database",
    "open_store",
]
