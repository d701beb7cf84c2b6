"""One stream of server-sent events a page: whatever its topics publish, as it is published."""

from collections.abc import AsyncIterator
from contextlib import ExitStack

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from dexwatch import clock
from dexwatch.console.access.guard import Guard
from dexwatch.console.live.panels import LivePanels
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.live.subscription import Subscription
from dexwatch.console.pages.boards import find, time_range_of
from dexwatch.console.services import Viewer

KEEP_ALIVE_SECONDS = 10.0
LONGEST_SECONDS = 3_600.0
"""Then the browser connects anew, which also checks the session again."""
MOST_STREAMS = 400
"""A stream holds its connection, and pages need some of the server's, too."""
MOST_STREAMS_OF_USER = 60


def build(guard: Guard, health: HealthPoller, panels: LivePanels) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter()
    open_streams: dict[Subscription, str] = {}

    @router.get("/stream")
    async def stream(
        request: Request,
        session: Viewer,
        board: str = "",
        span: str = "",
    ) -> StreamingResponse:
        if len(open_streams) >= MOST_STREAMS:
            raise HTTPException(503, "Too many pages are open.", {"Retry-After": "10"})
        if list(open_streams.values()).count(session.user) >= MOST_STREAMS_OF_USER:
            raise HTTPException(429, "Too many pages of yours are open.", {"Retry-After": "10"})
        found = find(board) if board else None
        token = request.cookies.get(guard.cookie)

        async def events() -> AsyncIterator[str]:
            subscription, ends = Subscription(), clock.monotonic() + LONGEST_SECONDS
            with ExitStack() as stack:
                open_streams[subscription] = session.user
                stack.callback(open_streams.pop, subscription)
                stack.enter_context(health.watch(subscription))
                if found:
                    chosen = time_range_of(panels, span)
                    stack.enter_context(panels.watch(found, chosen, subscription))
                yield "retry: 2000\n\n"
                while clock.monotonic() < ends:
                    messages = await subscription.take(KEEP_ALIVE_SECONDS)
                    if not await guard.sessions.alive(token):
                        yield event("signedout", "bye")
                        return
                    text = "".join(event(one.event, one.text) for one in messages)
                    yield text or event("keepalive", "")

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=headers)

    return router


def event(name: str, data: str) -> str:
    """Write one event; each line of the data gets its own field, as the protocol asks."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
