"""What an operator can set about the console."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from dexwatch.bounded_file import NamedFile
from dexwatch.config_model import ConfigModel
from dexwatch.listen import ListenConfig
from dexwatch.secret import with_host


class SampleControlConfig(ConfigModel):
    """The sample exchange's control API; only the sample's own configuration has it."""

    url: str
    token: SecretStr
    pages: dict[str, str] = Field(default={})
    """Pages of the sample that show what dexwatch has sent, by their titles."""


class ConsoleConfig(ListenConfig):
    """Where the console listens, who may sign in and for how long."""

    port: int = Field(default=8900, ge=1, le=65535)
    public_url: str = ""
    """The address that people use: links in messages begin with it; https makes cookies Secure.
    The advertised address when it is left out."""
    users_file: Annotated[Path, NamedFile(may_be_missing=True)] = Path("users.json")
    """Names, roles and argon2 hashes; read again when it changes."""
    session_hours: float = Field(default=12.0, gt=0, le=168)
    """A session ends so long after the sign-in, however busy it is."""
    idle_minutes: float = Field(default=120.0, gt=0)
    """A session ends so long after its last request."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses or networks of the proxies before the console, such as 127.0.0.1: theirs alone is
    the header `X-Forwarded-For` believed. When empty, nobody's is."""
    sample_control: SampleControlConfig | None = None

    @model_validator(mode="after")
    def _address(self) -> Self:
        if self.public_url:
            if not self.public_url.startswith(("http://", "https://")):
                raise ValueError("`public_url` must begin with https:// or http://")
            with_host(self.public_url)
        else:
            # The model is frozen for its users; it is not made yet.
            object.__setattr__(self, "public_url", self.url)
        return self
