"""Peers that read an answer slowly get all of it; those that do not read hold nothing for long."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from dexwatch.roles.http.connections import Limits
from dexwatch.roles.http.serving import serving

_LARGE = 8_000_000
_given: list[int] = []
"""The parts of an endless answer that were asked for; 0 is its end."""


async def _large(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("x" * _LARGE)


async def _endless(_request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        try:
            while True:
                _given.append(100_000)
                yield b"x" * 100_000
                await asyncio.sleep(0)
        finally:
            _given.append(0)

    return StreamingResponse(parts())


def application() -> Starlette:
    return Starlette(routes=[Route("/large", _large), Route("/endless", _endless)])


@contextlib.asynccontextmanager
async def narrow(port: int, path: str) -> AsyncIterator[socket.socket]:
    """A request whose peer takes little at once: what it does not read stays with us."""
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(peer, ("127.0.0.1", port))
        await loop.sock_sendall(peer, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        yield peer


async def test_who_reads_slowly_gets_all_of_a_large_answer() -> None:
    limits = Limits(head_seconds=0.05, stalled_seconds=0.5)
    loop = asyncio.get_running_loop()
    async with (
        serving(application(), 0, setting="a.port", limits=limits) as port,
        narrow(port, "/large") as peer,
    ):
        head = await loop.sock_recv(peer, 1000)
        got = len(head.partition(b"\r\n\r\n")[2])
        while got < _LARGE and (part := await asyncio.wait_for(loop.sock_recv(peer, 65_536), 5)):
            got += len(part)
        assert got == _LARGE


async def test_who_does_not_read_holds_neither_a_stream_nor_much_memory() -> None:
    _given.clear()
    limits = Limits(stalled_seconds=0.2)
    async with (
        serving(application(), 0, setting="a.port", limits=limits) as port,
        narrow(port, "/endless"),
    ):
        async with asyncio.timeout(10):
            while not _given or _given[-1]:
                await asyncio.sleep(0.01)
    assert sum(_given) < 1_000_000
