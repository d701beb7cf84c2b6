"""Which answers of the service outside mean that it took a ping."""

import asyncio

import pytest

from dexwatch.clients.http import HttpClient, SourceError
from dexwatch.roles.respond import NobodyPingedError, ping


async def _ping(status: str, body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = f"Content-Length: {len(body)}".encode()
        writer.write(b"HTTP/1.1 " + status.encode() + b"\r\n" + length + b"\r\n\r\n" + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with HttpClient(f"http://127.0.0.1:{port}/ping") as client:
            await ping(client)


@pytest.mark.parametrize(
    "body", [b"", b"OK", b"OK (rate limited)", b"Thank you: (not found) in it"]
)
async def test_a_ping_that_the_service_has_noted_is_taken(body: bytes) -> None:
    await _ping("200 OK", body)


@pytest.mark.parametrize("body", [b"OK (not found)", b"OK (not found)\n"])
async def test_a_check_that_the_service_does_not_know_is_no_taken_ping(body: bytes) -> None:
    """healthchecks.io answers with 200, and nobody would be paged when the pings stop."""
    with pytest.raises(NobodyPingedError):
        await _ping("200 OK", body)


@pytest.mark.parametrize("status", ["404 Not Found", "302 Found", "500 Internal Server Error"])
async def test_another_status_than_2xx_is_no_taken_ping(status: str) -> None:
    with pytest.raises(SourceError):
        await _ping(status, b"OK")
