"""Sign in and out. Guessing is slowed down by address and by name."""

import asyncio
import hmac
import math
import secrets
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


def build(context: Context) -> APIRouter:
    """Return the routes of sign-in and sign-out."""
    router = APIRouter()
    hashing = asyncio.Semaphore(2)

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
        keys = (f"address {address}", f"name {name}")
        left = context.throttle.wait(*keys)
        if left is not None:
            return await _wait(context, request, left, back)
        async with hashing:  # Each check needs 64 MiB: a flood must queue, not multiply.
            user = await asyncio.to_thread(context.users.check, name, fields.get("password", ""))
        if user is None:
            context.throttle.failed(*keys)
            log.warning("sign_in_refused", user=name, address=address)
            return await _form(context, request, back=back, error=WRONG, name=name, status=401)
        return await _welcome(context, context.throttle, user, keys, back)

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
