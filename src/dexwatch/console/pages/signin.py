"""Sign in and out. Guessing is slowed down, without locking out whoever is being guessed."""

import asyncio
import hmac
import math
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.console.access.guard import Fields
from dexwatch.console.access.throttle import Throttle
from dexwatch.console.access.users import User
from dexwatch.console.context import Context

log = structlog.get_logger(__name__)

FORM_COOKIE = "dexwatch-form"
WRONG = "Name or password is wrong."
AT_ONCE = 2
"""Passwords that are checked side by side: each needs 64 MiB, so a flood must queue."""
MOST_WAITING = 20
MOST_WAITING_OF_ONE = 10
"""Of these so many from one address."""
BUSY_SECONDS = 5


class Desk:
    """Where sign-ins wait for their turn; the places are few."""

    def __init__(self) -> None:
        self._hashing = asyncio.Semaphore(AT_ONCE)
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, address: str, delay: float) -> AsyncIterator[None]:
        """Hold an attempt back by `delay` seconds, then until it may be checked.

        Raises:
            HTTPException: 503, no place is free.
        """
        full = self._waiting.total() >= MOST_WAITING
        if full or self._waiting[address] >= MOST_WAITING_OF_ONE:
            again = {"Retry-After": str(BUSY_SECONDS)}
            raise HTTPException(503, "Too many sign-ins at once. Try again shortly.", again)
        self._waiting[address] += 1
        try:
            await asyncio.sleep(delay)
            async with self._hashing:
                yield
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]


def build(context: Context) -> APIRouter:
    """Return the routes of sign-in and sign-out."""
    router = APIRouter()
    desk = Desk()

    @router.get("/sign-in")
    async def form(request: Request, back: str = "/") -> Response:
        if await context.guard.session(request):
            return RedirectResponse(local(back), 303)
        return await _form(context, request, back=back)

    @router.post("/sign-in")
    async def sign_in(request: Request, fields: Fields) -> Response:
        cookie = request.cookies.get(FORM_COOKIE, "")
        given = fields.get("form_token", "")
        if not cookie or not hmac.compare_digest(cookie.encode(), given.encode()):
            raise HTTPException(403, "This form is too old. Go back, reload and try again.")
        name, back = fields.get("name", "").strip().lower()[:64], fields.get("back", "/")
        address = request.client.host if request.client else "unknown"
        pair, shared = f"{name} from {address}", (f"name {name}", f"address {address}")
        left = context.throttle.wait(pair)
        if left is not None:
            return await _wait(context, request, left, back)
        # Anybody can fail for a name; so that alone is only held back, never refused.
        async with desk.turn(address, context.throttle.delay(*shared)):
            # Asked again: others may have failed in the meantime.
            left = context.throttle.wait(pair)
            if left is not None:
                return await _wait(context, request, left, back)
            # Counted before it is known, so that no attempt beside this one goes uncounted.
            context.throttle.failed(pair, *shared)
            user = await asyncio.to_thread(context.users.check, name, fields.get("password", ""))
        if user is None:
            log.warning("sign_in_refused", user=name, address=address)
            return await _form(context, request, back=back, error=WRONG, name=name, status=401)
        return await _welcome(context, context.throttle, user, (pair, *shared), back)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        session = await context.guard.viewer(request)
        await context.guard.require_form(request, session)
        await context.guard.sessions.close(request.cookies.get(context.guard.cookie))
        log.info("signed_out", user=session.user)
        response = RedirectResponse("/sign-in", 303)
        context.guard.forget(response)
        return response

    return router


async def _welcome(
    context: Context, throttle: Throttle, user: User, keys: tuple[str, ...], back: str
) -> Response:
    throttle.forget(*keys)
    log.info("signed_in", user=user.name, role=user.role.value)
    response = RedirectResponse(local(back), 303)
    context.guard.remember(response, await context.guard.sessions.open(user.name))
    response.delete_cookie(FORM_COOKIE, path="/sign-in")
    return response


async def _wait(context: Context, request: Request, left: timedelta, back: str) -> Response:
    minutes = math.ceil(left.total_seconds() / 60)
    error = f"Too many failed attempts. Wait {minutes} min and try again."
    response = await _form(context, request, back=back, error=error, status=429)
    response.headers["Retry-After"] = str(math.ceil(left.total_seconds()))
    return response


async def _form(
    context: Context,
    request: Request,
    *,
    back: str,
    error: str = "",
    name: str = "",
    status: int = 200,
) -> HTMLResponse:
    token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    response = await context.page(
        request,
        "signin.html",
        status=status,
        form_token=token,
        back=local(back),
        error=error,
        name=name,
    )
    response.set_cookie(
        FORM_COOKIE,
        token,
        path="/sign-in",
        httponly=True,
        samesite="strict",
        secure=context.guard.secure,
        max_age=3600,
    )
    return response


def local(address: str) -> str:
    """Return the address when it leads to a page of ours, else the home page."""
    parts = urlsplit(unquote(address))
    ours = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    safe = ours and not parts.path.startswith(("//", "/\\")) and "\\" not in parts.path
    return address if safe and address.startswith("/") and address.isprintable() else "/"
