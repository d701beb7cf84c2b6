"""The streams of pages that are open: bounded in all, and for each user."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from dexwatch.console.pages.stream import MOST_STREAMS, MOST_STREAMS_OF_USER
from dexwatch.roles.http.connections import Limits


@asynccontextmanager
async def stream(site: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[int]:
    """Open a stream with the client's session, as long as the context; yields its status."""
    status: list[int] = []
    began = asyncio.Event()

    async def send(message: dict[str, int]) -> None:
        status.append(message.get("status", 0))
        if len(status) > 1:
            began.set()

    async def receive() -> None:
        await asyncio.Event().wait()

    request = client.build_request("GET", "/stream", headers={"accept": "text/event-stream"})
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/stream",
        "raw_path": b"/stream",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 8900),
    }
    task = asyncio.create_task(site(scope, receive, send))  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(20):
            await began.wait()
        yield status[0]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def opened(parts) -> Callable[[httpx.AsyncClient], AbstractAsyncContextManager[int]]:
    return lambda client: stream(parts[0], client)


async def test_one_user_cannot_keep_the_others_from_their_live_pages(opened, ana, cy) -> None:
    async with AsyncExitStack() as many:
        for _ in range(MOST_STREAMS_OF_USER - 1):
            assert await many.enter_async_context(opened(cy)) == 200
        async with opened(cy) as last, opened(cy) as further, opened(ana) as of_another:
            assert (last, further, of_another) == (200, 429, 200)
        # The page that was closed has made room.
        async with opened(cy) as again:
            assert again == 200


def test_streams_leave_connections_for_pages() -> None:
    assert MOST_STREAMS_OF_USER < MOST_STREAMS <= Limits().most * 0.8
