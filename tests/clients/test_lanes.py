"""A peer is asked again after it hung, however many requests were broken off meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from dexwatch.clients.http import HttpClient, SourceError

MANY = 20
"""More than the client has connections, so that some requests wait for one."""


class Peer:
    """Answers each request once it is `awake`."""

    def __init__(self) -> None:
        self.awake = asyncio.Event()
        self.connections = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen, and return the address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await self.awake.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[HttpClient]:
    async with HttpClient(await peer.start(), timeout_seconds=0.4) as found:
        yield found


async def _asked(client: HttpClient) -> None:
    with suppress(SourceError):
        await client.send("GET")


async def test_a_peer_that_hung_under_many_requests_is_asked_again(
    peer: Peer, client: HttpClient
) -> None:
    for _ in range(5):
        await asyncio.gather(*(_asked(client) for _ in range(MANY)))
    peer.awake.set()
    assert (await client.send("GET")).status == 200


async def test_requests_that_are_cancelled_at_any_step_take_no_connection_away(
    peer: Peer, client: HttpClient
) -> None:
    peer.awake.set()
    for steps in range(60):
        asked = [asyncio.create_task(_asked(client)) for _ in range(MANY)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    found = await asyncio.gather(*(client.send("GET") for _ in range(MANY)))
    assert [reply.status for reply in found] == [200] * MANY


async def test_a_connection_is_used_for_one_request_after_another(
    peer: Peer, client: HttpClient
) -> None:
    peer.awake.set()
    for _ in range(3):
        await client.send("GET")
    assert peer.connections == 1
