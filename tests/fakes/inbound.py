"""A receiver's route with a store that only remembers what it was given."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette

from dexwatch.incidents.events import AlertEvent
from dexwatch.incidents.state import Reason
from dexwatch.receivers.alertmanager.config import BOUNDS, Bounds
from dexwatch.receivers.alertmanager.route import routes
from dexwatch.receivers.receiver import Inbound
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.store import StoreUnavailableError
from tests.fakes.alerts import payload, webhook_alert

PATH = "/hooks/alertmanager"
TOKEN = "hook-token-of-the-test"
GOOD = {"Authorization": f"Bearer {TOKEN}"}


class RecordingReceiver:
    """Remembers what the receiver hands over."""

    def __init__(self) -> None:
        self.events: list[AlertEvent] = []
        self.counted: list[str] = []
        self.beats: list[tuple[str, datetime]] = []
        self.down = False

    def app(self, bounds: Bounds = BOUNDS) -> Starlette:
        inbound = Inbound(self.ingest, SecretStr(TOKEN), self.heartbeat, self.counted.append)
        return Starlette(routes=routes(inbound, bounds=bounds))

    async def heartbeat(self, source: str, at: datetime) -> None:
        self.beats.append((source, at))

    async def ingest(self, events: Sequence[AlertEvent]) -> list[Applied]:
        if self.down:
            raise StoreUnavailableError("down")
        self.events.extend(events)
        return [Applied(Reason.OPENED, "INC-1") for _ in events]


@asynccontextmanager
async def client(receiver: RecordingReceiver) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the route, without a server between."""
    transport = httpx.ASGITransport(receiver.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as made:
        yield made


def broken(**changes: object) -> bytes:
    """A message of one alert, with some of its keys changed."""
    return json.dumps(payload(webhook_alert()) | changes).encode()
