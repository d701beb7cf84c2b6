"""What a receiver is, and what it passes on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from starlette.routing import Route

from dexwatch.incidents.events import AlertEvent
from dexwatch.response.deciding.batch import Applied

Ingest = Callable[[Sequence[AlertEvent]], Awaitable[Sequence[Applied]]]
"""Decides about events durably; may raise `StoreUnavailableError`."""


async def _unheard(source: str, at: datetime) -> None:
    """Nobody awaits the dead man's signal."""


@dataclass(frozen=True)
class Inbound:
    """Where receivers deliver what they were sent."""

    ingest: Ingest
    token: SecretStr
    """What a sender must show as a bearer token."""
    heartbeat: Callable[[str, datetime], Awaitable[None]] = _unheard
    """Told the source and the time of each dead man's signal."""
    count: Callable[[str], None] = lambda _: None
    """Told the outcome of each request, one of `response.self_metrics.RECEIVER_OUTCOMES`."""


@dataclass(frozen=True)
class Receiver:
    """One source of alerts."""

    name: str
    """For people."""
    source: str
    """The id that its alerts carry; no two receivers have the same."""
    routes: Callable[[Inbound], list[Route]]
    """Its HTTP routes on the respond role's port, all below `/hooks/<source>`."""
    requirements: Mapping[str, str]
    """The requirements that it answers by id, each with what it lacks for it, or nothing."""
