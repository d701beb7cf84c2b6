"""What is no HTTP ends its connection, and does not fill the log."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from dexwatch.roles.http.connections import Limits
from dexwatch.roles.http.serving import serving

_HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


async def _read_first(request: Request) -> PlainTextResponse:
    with contextlib.suppress(ClientDisconnect):
        await request.body()
    return PlainTextResponse("read by nobody")


async def _answer_at_once(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("read by nobody")


@pytest.mark.parametrize("endpoint", [_read_first, _answer_at_once])
async def test_a_body_that_is_no_http_leaves_no_trace_in_the_log(
    endpoint: Callable[[Request], Awaitable[Response]], caplog: pytest.LogCaptureFixture
) -> None:
    application = Starlette(routes=[Route("/", endpoint, methods=["POST"])])
    async with (
        serving(application, 0, setting="a.port", limits=Limits(body_seconds=60)) as port,
        asyncio.timeout(10),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_HEAD + b"no length\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_garbage_after_the_answer_has_begun_ends_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"the first part"
        await asyncio.Event().wait()

    async def begin(_request: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    application = Starlette(routes=[Route("/", begin, methods=["POST"])])
    async with (
        serving(application, 0, setting="a.port", limits=Limits(body_seconds=60)) as port,
        asyncio.timeout(10),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_HEAD)
        await reader.readuntil(b"the first part")
        writer.write(b"no length\r\n")
        await reader.read()
        writer.close()
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
