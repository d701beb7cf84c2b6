"""Connections to one peer, so that an exchange which is broken off costs its connection only.

A connection pool that assigns a connection to a request which is cancelled at that moment keeps the
place for ever (encode/httpcore, "Cancelling requests under pool contention permanently leaks
connection slots"). After some time-outs at a peer that hangs no place would be left, and the peer
never asked again. So each connection here has a pool of its own, and whatever does not end as it
should takes both away.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Protocol

import httpx


class Lanes(httpx.AsyncBaseTransport):
    """Lends each request a transport of one connection; who finds none free waits.

    Whoever asks bounds the wait, and closes each response.
    """

    def __init__(self, lane: Callable[[], httpx.AsyncBaseTransport], *, most: int) -> None:
        self._make = lane
        self._turn = asyncio.Semaphore(most)
        self._all: set[httpx.AsyncBaseTransport] = set()
        self._free: list[httpx.AsyncBaseTransport] = []
        """The one that was used last is taken first: its connection is the least likely to end."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the lane is free again when the response is closed."""
        await self._turn.acquire()
        lane = self._free.pop() if self._free else self._make()
        self._all.add(lane)
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            await self._end(lane, whole=False)
            raise
        response.stream = _Lent(response, lane, self._end)
        return response

    async def _end(self, lane: httpx.AsyncBaseTransport, *, whole: bool) -> None:
        self._turn.release()
        if whole and lane in self._all:
            self._free.append(lane)
            return
        self._all.discard(lane)
        await _close(lane)

    async def aclose(self) -> None:
        """Close all connections, those in use included."""
        lanes = list(self._all)
        self._all.clear()
        self._free.clear()
        for lane in lanes:
            await _close(lane)


class _End(Protocol):
    async def __call__(self, lane: httpx.AsyncBaseTransport, *, whole: bool) -> None: ...


class _Lent(httpx.AsyncByteStream):
    """A response's body; its end gives the lane back."""

    def __init__(
        self,
        response: httpx.Response,
        lane: httpx.AsyncBaseTransport,
        end: _End,
    ) -> None:
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError("the lane's transport is not asynchronous")
        self._body = response.stream
        self._lane: httpx.AsyncBaseTransport | None = lane
        self._end = end
        self._whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part
        self._whole = True

    async def aclose(self) -> None:
        lane, self._lane = self._lane, None
        if lane is None:
            return
        whole = False
        try:
            await self._body.aclose()
            whole = self._whole
        finally:
            await self._end(lane, whole=whole)


async def _close(lane: httpx.AsyncBaseTransport) -> None:
    with suppress(OSError, RuntimeError, httpx.HTTPError):
        # Who is cancelled once more does not leave half a connection behind.
        await asyncio.shield(asyncio.ensure_future(lane.aclose()))
