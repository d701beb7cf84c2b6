"""A loopback server that gives one fixed answer to everybody, to test what clients do with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Canned:
    """What is answered: the bytes, or half of what was announced, or nothing at all."""

    body: bytes
    status: int = 200
    cut_off: bool = False
    silent: bool = False


@asynccontextmanager
async def canned(answer: Canned) -> AsyncIterator[str]:
    """Serve the answer and give the base address."""
    waiting = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer.silent:
                await waiting.wait()
                return
            length = len(answer.body) + (100 if answer.cut_off else 0)
            writer.write(
                f"HTTP/1.1 {answer.status} X\r\ncontent-length: {length}\r\n"
                "connection: close\r\n\r\n".encode()
            )
            writer.write(answer.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        waiting.set()
        server.close()
        await server.wait_closed()
