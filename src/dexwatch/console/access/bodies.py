"""Bounds of what a request may bring along."""

import asyncio

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 64_000
BODY_SECONDS = 10.0


class BoundedBodies:
    """Middleware: refuses a request body that is larger, or slower, than any form of ours."""

    def __init__(self, app: ASGIApp, *, seconds: float = BODY_SECONDS) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on while its body stays within the bounds."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            async with asyncio.timeout(self._seconds):
                body = await _whole(receive, declared)
        except _TooLargeError:
            await Response("The form is too large.", 413)(scope, receive, send)
            return
        except TimeoutError:
            slow = Response("The form came too slowly.", 408, {"connection": "close"})
            await slow(scope, receive, send)
            return
        if body is None:
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


class _TooLargeError(Exception):
    """The body is larger than is read."""


async def _whole(receive: Receive, declared: bytes) -> bytes | None:
    """Read a body to its end; None when the sender left."""
    if not declared.isdigit() or len(declared) > 9 or int(declared) > MOST_BODY_BYTES:
        raise _TooLargeError
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BODY_BYTES:
            raise _TooLargeError
    return bytes(body)
