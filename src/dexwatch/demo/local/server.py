"""A small HTTP server on loopback that can also fail on purpose.

The stand-ins for outside services have to fail as the real ones do: late, cut off in the middle,
or by a reset connection.
Application servers hide the connection from their applications; this one has access to it.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import h11

LOOPBACK = "127.0.0.1"
_CONNECTIONS = 64
_BODY_BYTES = 8 * 1024 * 1024
_IDLE_SECONDS = 30.0
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Request:
    """One request; header names are lower case, of repeated query keys the last counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer, and the fault with which it is sent."""

    body: bytes
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    """Seconds to wait before the first byte."""
    cut: int | None = None
    """Close the connection after so many bytes of the body, although more were promised."""
    reset: bool = False
    """Reset the connection instead of answering."""


Handler = Callable[[Request], Awaitable[Reply]]


class LoopbackServer:
    """Serves `handler` on 127.0.0.1 for as long as the context is entered.

    Port 0 takes a free one; `port` and `url` tell which.
    """

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = port

    @property
    def url(self) -> str:
        """The server's address without a trailing slash."""
        return f"http://{LOOPBACK}:{self.port}"

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        except OSError as error:
            raise OSError(
                error.errno,
                f"port {self.port} on {LOOPBACK} is taken: free it or configure another",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        try:
            if len(self._tasks) <= _CONNECTIONS:
                await self._converse(reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.IncompleteReadError):
            pass  # The peer went away or broke the protocol; nobody can be answered.
        except asyncio.CancelledError:
            pass  # The server is closing; asyncio.streams would report this as an error.
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            request = await _read(connection, reader)
            if request is None:
                return
            reply = await self._handler(request)
            await asyncio.sleep(reply.after)
            if reply.reset:
                _reset(writer)
                return
            writer.write(_encode(connection, reply))
            await asyncio.wait_for(writer.drain(), _IDLE_SECONDS)
            if reply.cut is not None or connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await asyncio.wait_for(reader.read(_CHUNK), _IDLE_SECONDS)
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _BODY_BYTES:
                raise h11.RemoteProtocolError("the body is too large")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            target = urlsplit(head.target.decode("latin-1"))
            return Request(
                method=head.method.decode("latin-1"),
                path=target.path,
                query=dict(parse_qsl(target.query)),
                headers={k.decode("latin-1"): v.decode("latin-1") for k, v in head.headers},
                body=bytes(body),
            )
        else:
            return None


def _encode(connection: h11.Connection, reply: Reply) -> bytes:
    headers = {"content-type": reply.kind, "content-length": str(len(reply.body)), **reply.headers}
    start = connection.send(h11.Response(status_code=reply.status, headers=list(headers.items())))
    if reply.cut is not None:
        return (start or b"") + reply.body[: reply.cut]
    body = connection.send(h11.Data(data=reply.body))
    end = connection.send(h11.EndOfMessage())
    return (start or b"") + (body or b"") + (end or b"")


def _reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for zero seconds makes the kernel send RST in place of an orderly end.
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
