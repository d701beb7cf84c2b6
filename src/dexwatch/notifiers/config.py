"""Which channels there are and who is told there; each part is optional."""

from ipaddress import ip_address
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from dexwatch.metrics.severity import Severity


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class EmailConfig(_Config):
    """A mail server that takes our messages."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "starttls"
    """`tls` encrypts from the first byte (port 465); `none` is for a server on this machine."""
    sender: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    to: dict[Severity, tuple[str, ...]]
    """Addresses by severity; a severity that is absent is not mailed."""
    username: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _hidden(self) -> Self:
        if self.tls == "none" and self.password is not None and not _on_this_machine(self.host):
            raise ValueError(
                "tls: none would send the password to another machine for all to read: "
                "use starttls or tls"
            )
        return self

    @field_validator("to")
    @classmethod
    def _addresses(cls, to: dict[Severity, tuple[str, ...]]) -> dict[Severity, tuple[str, ...]]:
        for address in (a for listed in to.values() for a in listed):
            local, at, domain = address.rpartition("@")
            bad = any(c.isspace() or c in '<>",;:\\' for c in address) or not address.isprintable()
            if bad or not (local and at and domain):
                raise ValueError(f"{address!r} is not a plain mail address such as ana@example.org")
        return to


class SlackConfig(_Config):
    """A workspace where our app is a member of the channels."""

    token: SecretStr = Field(min_length=1)
    """A bot token with chat:write; channels:history and channels:read save duplicates."""
    api_url: str = "https://slack.com/api/"
    channels: dict[Severity, str]
    """A channel by severity; a severity that is absent is not posted."""

    @field_validator("api_url")
    @classmethod
    def _slash(cls, url: str) -> str:
        return _http(url).rstrip("/") + "/"


class WebhookConfig(_Config):
    """A program of yours that takes our messages as signed JSON."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    url: str
    secret: SecretStr = Field(min_length=16)
    severities: tuple[Severity, ...] = tuple(Severity)

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return _http(url)


class NotifyConfig(_Config):
    """All channels; without any, incidents are seen in the console only."""

    email: EmailConfig | None = None
    slack: SlackConfig | None = None
    webhooks: tuple[WebhookConfig, ...] = ()

    @field_validator("webhooks")
    @classmethod
    def _names(cls, hooks: tuple[WebhookConfig, ...]) -> tuple[WebhookConfig, ...]:
        names = [hook.name for hook in hooks]
        if len(names) != len(set(names)):
            raise ValueError("two webhooks have the same name; messages are routed by it")
        return hooks


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the address must begin with https:// (or http:// for a trusted network)")
    if parts.username or parts.password:
        raise ValueError("put no password into the address: use `token` or `secret`")
    return url
