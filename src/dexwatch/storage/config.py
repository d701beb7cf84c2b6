"""Where incidents, pages and sessions are kept."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote

from pydantic import SecretStr

from dexwatch.config_model import ConfigModel
from dexwatch.secret import LOGIN_ESCAPED, beginning

_PLAIN = ("postgresql://", "postgres://")
_POSTGRESQL = "postgresql+psycopg://"
_SQLITE = "sqlite+aiosqlite:///"


class StorageConfig(ConfigModel):
    """Nothing to set for one machine; several replicas need a PostgreSQL."""

    url: Annotated[SecretStr | None, beginning(*_PLAIN, _POSTGRESQL, _SQLITE), LOGIN_ESCAPED] = None
    """For example `postgresql://user:password@host/dexwatch`; SQLite in the folder when absent."""

    def database_url(self, folder: Path) -> str:
        """Return the address for SQLAlchemy; `folder` holds the SQLite file by default."""
        if self.url is None:
            return _SQLITE + quote(str(folder / "dexwatch.sqlite"))
        url = self.url.get_secret_value()
        for plain in _PLAIN:
            if url.startswith(plain):
                return _POSTGRESQL + url.removeprefix(plain)
        return url

    def sqlite_file(self, folder: Path) -> Path | None:
        """Return the file that the address names; None where it names a server."""
        address, _, _ = self.database_url(folder).partition("?")
        kind, _, file = address.partition(":///")
        return Path(unquote(file)) if kind.startswith("sqlite") else None
