"""What the contract tests need of a channel; each channel's tests folder has a `case.py` with one.

A new notifier is in the contract suite as soon as it is in the registry and has such a file.
"""

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.notifiers.registry import NOTIFIERS
from dexwatch.response.notifier import Notifier

DELIVERED, RETRYABLE = DeliveryOutcome.DELIVERED, DeliveryOutcome.RETRYABLE
FAILED, UNKNOWN = DeliveryOutcome.FAILED, DeliveryOutcome.UNKNOWN
SECRET = "top-secret-of-the-test"
NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there."""


@dataclass(frozen=True)
class Stand:
    """A strict receiver that runs: the settings that lead to it, and what it shows to people."""

    config: Any
    shown: Callable[[], list[str]]
    """All text of each message as a reader gets it, in order."""


@dataclass(frozen=True)
class Case:
    """One channel's part of the contract tests; its settings hold `SECRET` where a secret goes."""

    recipient: str
    config: Callable[[str], Any]
    """Settings that lead to this address, `http://host:port`."""
    receiver: Callable[[], AbstractAsyncContextManager[Stand]]
    over_http: bool = True


CASES: dict[str, Case] = {
    channel.name: importlib.import_module(f"tests.notifiers.{channel.name}.case").CASE
    for channel in NOTIFIERS
}
HTTP_CASES = sorted(name for name, case in CASES.items() if case.over_http)


@asynccontextmanager
async def opened(name: str, config: object) -> AsyncIterator[Notifier]:
    """Make the notifier of this channel, and close it afterwards."""
    channel = next(channel for channel in NOTIFIERS if channel.name == name)
    notifier = channel.build(config)
    try:
        yield notifier
    finally:
        await notifier.close()
