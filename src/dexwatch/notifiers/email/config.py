"""The settings of the channel e-mail."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from dexwatch.config_model import form
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.config import Config


class EmailConfig(Config):
    """A mail server that takes our messages."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "starttls"
    """`tls` encrypts from the first byte (port 465); `none` is for a server on this machine."""
    sender: Annotated[
        str,
        form(
            re.compile(r"\A[^@\s<>]+@[^@\s<>]+"), "write it as NAME@HOST, without a person's name"
        ),
    ]
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


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
