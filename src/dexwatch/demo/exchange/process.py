"""The settings of a process of the exchange, and the faults injected into it."""

import asyncio
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from dexwatch.demo.chain.handle import Deployment

POLL_SECONDS = 0.1
TRANSACTIONS = ("registration", "trade", "payment", "ticket")
"""Names of the exchange's business transactions."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProcessSettings(_Model):
    """Settings of one process: an API upstream or the job worker."""

    name: str
    port: int
    dsn: SecretStr
    redis_url: SecretStr
    faults_file: Path
    rpc: str
    """The node that the exchange sends through."""
    deployment: Deployment
    rate_limit_per_second: float = 4.0
    """Requests of one source address a second; each upstream counts for itself."""
    suspicious_failures: int = 5
    """Failed sign-ins of one source within the window above which it is suspicious."""
    suspicious_seconds: float = 10.0

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the settings of a process from its file."""
        return cls.model_validate_json(path.read_bytes())

    @field_serializer("dsn", "redis_url", when_used="json")
    def _open(self, secret: SecretStr) -> str:
        # The file is written for the process alone, so the secret has to be in it.
        return secret.get_secret_value()


class InjectedFaults(_Model):
    """The faults that can be injected into the processes; the default is none."""

    api_delay_seconds: float = 0.0
    api_error_share: float = 0.0
    db_delay_seconds: float = 0.0
    cache_cold: bool = False
    reports_stuck: bool = False
    registration_broken: bool = False
    payment_broken: bool = False
    sync_lag_seconds: float = 0.0


class FaultFile:
    """Writes the file through which scenarios inject faults into the processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = InjectedFaults()
        self._write()

    def change(self, **fields: float | bool) -> None:
        """Set some fields; the processes see them within a few tenths of a second."""
        self.now = self.now.model_copy(update=fields)
        self._write()

    def _write(self) -> None:
        partial = self.path.with_suffix(".partial")
        partial.write_text(self.now.model_dump_json())
        partial.replace(self.path)


class FaultReader:
    """Reads the file in a process: `now` holds the faults that it must show."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self.now = InjectedFaults()

    async def follow(self) -> None:
        """Keep `now` up to date until cancelled."""
        while True:
            self.read()
            await asyncio.sleep(POLL_SECONDS)

    def read(self) -> None:
        """Read the file if it changed; a missing or half-written one changes nothing."""
        try:
            status = self._path.stat()
            if (status.st_mtime_ns, status.st_ino) != self._seen:
                self.now = InjectedFaults.model_validate_json(self._path.read_bytes())
                self._seen = (status.st_mtime_ns, status.st_ino)
        except (OSError, ValidationError):
            return
