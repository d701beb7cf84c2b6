"""What stands before every page: security headers, sign-in, roles, form tokens, bounded bodies.

The content security policy allows no inline script or style at all, so a token name that slipped
through every escape still could not run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import Depends, HTTPException, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dexwatch.console.access.sessions import Session, Sessions

MOST_BODY_BYTES = 64_000
BODY_SECONDS = 10.0
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


class Headers:
    """Middleware: adds the security headers, and keeps pages out of shared caches."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        headers = dict(HEADERS)
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        self._headers = [(key.lower().encode(), text.encode()) for key, text in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and dress the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {key for key, _ in message["headers"]}
                message["headers"] = [*message["headers"], *self._headers]
                if b"cache-control" not in present:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, dressed)


class BoundedBodies:
    """Middleware: refuses a request body that is larger, or slower, than any form of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on while its body stays within the bounds."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            async with asyncio.timeout(BODY_SECONDS):
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
    if not declared.isdigit() or int(declared) > MOST_BODY_BYTES:
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


class SignInNeededError(Exception):
    """Nobody is signed in; `back` is where to go after the sign-in."""

    def __init__(self, back: str) -> None:
        super().__init__("sign in first")
        self.back = back


class Guard:
    """Finds the session of a request and checks what it may do; used as FastAPI dependencies."""

    def __init__(self, sessions: Sessions, *, secure: bool) -> None:
        self.sessions = sessions
        self.secure = secure
        # The prefix makes browsers refuse such a cookie from a neighbour or over plain HTTP.
        self.cookie = "__Host-dexwatch" if secure else "dexwatch"

    async def session(self, request: Request) -> Session | None:
        """Return the request's session, if it has one; the database is asked once a request."""
        if not hasattr(request.state, "session"):
            # Set first, so that the page about a dead database does not ask it again.
            request.state.session = None
            request.state.session = await self.sessions.find(request.cookies.get(self.cookie))
        found: Session | None = request.state.session
        return found

    async def viewer(self, request: Request) -> Session:
        """Require a session."""
        session = await self.session(request)
        if session is None:
            raise SignInNeededError(_back(request))
        return session

    async def operator(self, request: Request) -> Session:
        """Require a session that may act, and a form that was made for it."""
        session = await self.viewer(request)
        await self.require_form(request, session)
        if not session.may_act:
            raise HTTPException(403, "Your role may look but not act; ask an operator.")
        return session

    async def require_form(self, request: Request, session: Session) -> None:
        """Require that the form was made for this session."""
        token = request.headers.get("x-form-token") or await form_field(request, "form_token")
        if not session.owns(token):
            raise HTTPException(403, "This form is too old. Reload the page and try again.")

    def remember(self, response: Response, token: str) -> None:
        """Set the session's cookie."""
        response.set_cookie(
            self.cookie, token, path="/", httponly=True, samesite="strict", secure=self.secure
        )

    def forget(self, response: Response) -> None:
        """Remove the session's cookie."""
        response.delete_cookie(
            self.cookie, path="/", httponly=True, samesite="strict", secure=self.secure
        )


async def form_field(request: Request, name: str) -> str:
    """Return one field of an URL-encoded form, empty when it is missing."""
    return (await form_fields(request)).get(name, "")


async def form_fields(request: Request) -> dict[str, str]:
    """Return the fields of an URL-encoded form; of a repeated field the last."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise HTTPException(400, "The form has too many fields.") from None
    return {key: values[-1] for key, values in fields.items()}


Fields = Annotated[dict[str, str], Depends(form_fields)]
Check = Callable[[Request], Awaitable[Session]]


def _back(request: Request) -> str:
    if request.method != "GET" or request.headers.get("accept") == "text/event-stream":
        return "/"
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="/?=&-_.~")
