"""Finds the session of a request, and checks what it may do."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import Depends, HTTPException, Request, Response

from dexwatch.console.access.origin import local
from dexwatch.console.access.sessions import Session, Sessions


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
        self.cookie = self.cookie_name("dexwatch")

    def cookie_name(self, name: str) -> str:
        """Return a cookie's full name.

        The prefix makes browsers refuse such a cookie from a neighbour or over plain HTTP.
        """
        return f"__Host-{name}" if self.secure else name

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
        """Require a session of an operator, and a form that was made for it."""
        session = await self.viewer(request)
        await self.require_form(request, session)
        if not session.may_act:
            raise HTTPException(403, "Viewers cannot do this; ask an operator.")
        return session

    async def require_form(self, request: Request, session: Session) -> None:
        """Require that the form was made for this session."""
        token = request.headers.get("x-form-token") or await form_field(request, "form_token")
        if not session.owns(token):
            raise HTTPException(403, "This form is too old. Reload the page and try again.")

    def set_cookie(
        self, response: Response, name: str, value: str, *, seconds: int | None = None
    ) -> None:
        """Set a cookie for this origin alone; without `seconds` it ends with the browser."""
        response.set_cookie(
            name,
            value,
            path="/",
            httponly=True,
            samesite="strict",
            secure=self.secure,
            max_age=seconds,
        )

    def delete_cookie(self, response: Response, name: str) -> None:
        """Remove a cookie."""
        response.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=self.secure)


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
    """Return the address as the browser wrote it, coded once."""
    if request.method != "GET" or request.headers.get("accept") == "text/event-stream":
        return "/"
    path: bytes = request.scope.get("raw_path") or quote(request.url.path).encode()
    query: bytes = request.scope["query_string"]
    return local((path + (b"?" + query if query else b"")).decode("latin-1"))
