"""A webhook receiver that keeps what it gets and insists on its bearer token."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Hooks:
    """What has arrived: accepted deliveries with the time, and how many had a wrong token."""

    token: str
    port: int = 0
    deliveries: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    beats: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """The dead man's signals, apart."""
    refused: int = 0

    @property
    def url(self) -> str:
        """Where to deliver."""
        return f"http://127.0.0.1:{self.port}/hooks/alertmanager"

    def alerts(self, status: str = "firing") -> list[dict[str, Any]]:
        """All alerts of this status that were delivered, oldest first."""
        return [a for _, d in self.deliveries for a in d["alerts"] if a["status"] == status]

    def names(self, status: str = "firing") -> set[str]:
        """The names of these alerts."""
        return {alert["labels"]["alertname"] for alert in self.alerts(status)}


@asynccontextmanager
async def hooks(token: str = "hook-token") -> AsyncIterator[Hooks]:
    """Serve on a free loopback port."""
    state = Hooks(token)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = dict(
                    line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:] if line
                )
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                good = headers.get("authorization", "") == f"bearer {token}"
                message = json.loads(body)
                if good and message["receiver"] == "heartbeat":
                    state.beats.append((time.time(), message))
                elif good:
                    state.deliveries.append((time.time(), message))
                else:
                    state.refused += 1
                status = "200 OK" if good else "401 Unauthorized"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
