"""Slack's part of the contract tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.slack.config import SlackConfig
from tests.fakes.slack import FailingSlack
from tests.notifiers.case import SECRET, Case, Stand


def config(address: str) -> SlackConfig:
    return SlackConfig(token=SecretStr(SECRET), api_url=address, channels={Severity.P1: "#alerts"})


@asynccontextmanager
async def receiver() -> AsyncIterator[Stand]:
    async with FailingSlack(token=SECRET) as slack:
        yield Stand(
            config(slack.api_url), lambda: [f"{m.text} {list(m.blocks)!r}" for m in slack.messages]
        )


CASE = Case("#alerts", config, receiver)
