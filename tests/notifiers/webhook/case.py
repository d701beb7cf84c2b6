"""The webhook's part of the contract tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from dexwatch.notifiers.webhook.config import WebhookConfig
from tests.fakes.receiver import Receiver
from tests.notifiers.case import SECRET, Case, Stand


def config(address: str) -> tuple[WebhookConfig, ...]:
    return (WebhookConfig(name="ops", url=address, secret=SecretStr(SECRET)),)


@asynccontextmanager
async def receiver() -> AsyncIterator[Stand]:
    async with Receiver(SECRET) as hook:
        yield Stand(config(hook.url), lambda: [str(document) for document in hook.received])


CASE = Case("ops", config, receiver)
