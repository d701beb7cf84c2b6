"""The outermost layer: security headers on every answer, and an answer for every exception.

The content security policy allows no inline script or style at all, so a token name that slipped
through every escape still could not run.
"""

import structlog
from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
BROKEN = "The console failed at this request. Its log says why; try again, or tell who runs it."


class Headers:
    """Middleware: adds the security headers, and keeps pages out of shared caches.

    Exceptions end here and not in the framework, whose own answer would bear no headers.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        headers = dict(HEADERS)
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        self._headers = [(key.lower().encode(), text.encode()) for key, text in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add the headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                present = {key for key, _ in message["headers"]}
                message["headers"] = [*message["headers"], *self._headers]
                if b"cache-control" not in present:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self._app(scope, receive, dressed)
        except Exception:
            if begun:
                # Half an answer cannot be taken back; the server closes the connection.
                raise
            log.exception("request_failed", method=scope["method"], path=scope["path"][:200])
            await Response(BROKEN, 500, media_type="text/plain")(scope, receive, dressed)
