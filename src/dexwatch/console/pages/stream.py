"""One stream of server-sent events a page: panels as JSON, the frame's parts as rendered HTML."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse

from dexwatch import clock
from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.console.live.frames import Frame
from dexwatch.console.live.pulse import Pulse
from dexwatch.console.live.watcher import Watcher
from dexwatch.console.pages.boards import find, span_of

BEAT_SECONDS = 10.0
LONGEST_SECONDS = 3_600.0
"""Then the browser connects anew, which also checks the session again."""
MOST_STREAMS = 500


def build(context: Context) -> APIRouter:
    """Return the route of the stream."""
    router = APIRouter()
    open_streams: set[Watcher] = set()

    @router.get("/stream")
    async def stream(
        request: Request,
        _: Annotated[Session, Depends(context.guard.viewer)],
        board: str = "",
        span: str = "",
    ) -> StreamingResponse:
        if len(open_streams) >= MOST_STREAMS:
            raise HTTPException(503, "Too many pages are open.", {"Retry-After": "10"})
        found = find(board) if board else None
        token = request.cookies.get(context.guard.cookie)

        async def events() -> AsyncIterator[str]:
            told: int | None = None
            watcher, ends = Watcher(), clock.monotonic() + LONGEST_SECONDS
            with ExitStack() as stack:
                open_streams.add(watcher)
                stack.callback(open_streams.discard, watcher)
                stack.enter_context(context.heart.watch(watcher))
                if found:
                    chosen = span_of(context, span)
                    stack.enter_context(context.hub.watch(found, chosen, watcher))
                yield "retry: 2000\n\n"
                while clock.monotonic() < ends:
                    news = await watcher.take(BEAT_SECONDS)
                    if not await context.guard.sessions.alive(token):
                        yield event("signedout", "bye")
                        return
                    text = "".join(_written(context, one) for one in news)
                    for one in news:
                        if isinstance(one, Pulse) and one.change != told:
                            told = one.change
                            text += event("changed", str(one.revision))
                    yield text or event("beat", "")

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=headers)

    return router


def event(name: str, data: str) -> str:
    """Write one event; each line of the data gets its own field, as the protocol asks."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"


def _written(context: Context, news: object) -> str:
    if isinstance(news, Frame):
        return event("panel", news.json())
    if isinstance(news, Pulse):
        values = {"pulse": news}
        return (
            event("banner", context.view.text("parts/banner.html", values))
            + event("verdict", context.view.text("parts/verdict.html", values))
            + event("tally", context.view.text("parts/tally.html", values))
        )
    return ""
