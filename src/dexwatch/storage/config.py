"""Where incidents, pages and sessions are kept."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

_PLAIN = ("postgresql://", "postgres://")
_POSTGRESQL = "postgresql+psycopg://"
_SQLITE = "sqlite+aiosqlite:///"


class StorageConfig(BaseModel):
    """Nothing to set for one machine; several replicas need a PostgreSQL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr | None = None
    """For example `postgresql://user:password@host/dexwatch`; SQLite in the folder when absent."""

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(
            (*_PLAIN, _POSTGRESQL, _SQLITE)
        ):
            raise ValueError("storage.url must begin with postgresql:// or sqlite+aiosqlite:///")
        return url

    def database_url(self, folder: Path) -> str:
        """Return the address for SQLAlchemy; `folder` holds the SQLite file by default."""
        if self.url is None:
            return f"{_SQLITE}{folder / 'dexwatch.sqlite'}"
        url = self.url.get_secret_value()
        for plain in _PLAIN:
            if url.startswith(plain):
                return _POSTGRESQL + url.removeprefix(plain)
        return url
