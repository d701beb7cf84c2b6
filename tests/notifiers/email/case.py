"""E-mail's part of the contract tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from pydantic import SecretStr

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.email.config import EmailConfig
from tests.fakes.mailbox import FailingMailbox
from tests.notifiers.case import SECRET, Case, Stand


def config(address: str, **changes: object) -> EmailConfig:
    return EmailConfig(
        **{
            "host": "127.0.0.1",
            "port": urlsplit(address).port,
            "tls": "none",
            "sender": "dexwatch@example.org",
            "to": {Severity.P1: ("ana@example.org",)},
            "username": "dexwatch",
            "password": SecretStr(SECRET),
            **changes,
        }
    )


@asynccontextmanager
async def receiver() -> AsyncIterator[Stand]:
    async with FailingMailbox() as box:
        address = f"smtp://127.0.0.1:{box.smtp_port}"
        yield Stand(
            config(address, username=None, password=None),
            lambda: [f"{m.subject}\n{m.text}\n{m.html}" for m in box.messages],
        )


CASE = Case("ana@example.org", config, receiver, over_http=False)
