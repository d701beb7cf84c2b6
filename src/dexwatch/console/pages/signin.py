"""Sign in and out. Guessing is slowed down, and nobody can keep others out.

An attempt is counted under the name and address together, and too many of these must wait. Anybody
can fail for a name, or from an address that many share, so these alone only hold an attempt back.
A browser that has signed in as the name before is counted by itself, and goes first in the queue.
"""

import asyncio
import math
from datetime import datetime, timedelta

import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.console.access.cookies import (
    FORM_LASTS,
    KNOWN_LASTS,
    Forms,
    known_browser,
    known_cookie,
)
from dexwatch.console.access.guard import Fields, Guard
from dexwatch.console.access.origin import local
from dexwatch.console.access.queue import CheckQueue, QueueFullError, subnet
from dexwatch.console.access.throttle import Throttle
from dexwatch.console.access.users import User, Users
from dexwatch.console.layout import Pages
from dexwatch.console.protocols import Now

log = structlog.get_logger(__name__)

FORM_COOKIE = "dexwatch-form"
KNOWN_COOKIE = "dexwatch-known"
WRONG = "Name or password is wrong."
BUSY_SECONDS = 5


def build(pages: Pages, guard: Guard, users: Users, throttle: Throttle, *, now: Now) -> APIRouter:
    """Return the routes of sign-in and sign-out."""
    router = APIRouter()
    sign_in_pages = _SignIn(pages, guard, users, throttle, now=now)

    @router.get("/sign-in")
    async def form(request: Request, back: str = "/") -> Response:
        if await guard.session(request):
            return RedirectResponse(local(back), 303)
        return await sign_in_pages.form(request, back=back)

    @router.post("/sign-in")
    async def sign_in(request: Request, fields: Fields) -> Response:
        return await sign_in_pages.sign_in(request, fields)

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        session = await guard.viewer(request)
        await guard.require_form(request, session)
        await guard.sessions.close(request.cookies.get(guard.cookie))
        log.info("signed_out", user=session.user)
        response = RedirectResponse("/sign-in", 303)
        guard.delete_cookie(response, guard.cookie)
        return response

    return router


class _SignIn:
    """One console's sign-in: its queue, and the two cookies beside the session's."""

    def __init__(
        self, pages: Pages, guard: Guard, users: Users, throttle: Throttle, *, now: Now
    ) -> None:
        self._pages, self._guard, self._users = pages, guard, users
        self._throttle, self._now = throttle, now
        self._queue = CheckQueue()
        self._forms = Forms(users.key)
        self._form_cookie = self._guard.cookie_name(FORM_COOKIE)
        self._known_cookie = self._guard.cookie_name(KNOWN_COOKIE)

    async def sign_in(self, request: Request, fields: Fields) -> Response:
        """Check name and password, in turn, and open a session."""
        now = self._now()
        cookie = request.cookies.get(self._form_cookie, "")
        if not self._forms.fits(cookie, fields.get("form_token", ""), now):
            raise HTTPException(403, "This form is too old. Go back, reload and try again.")
        name, back = fields.get("name", "").strip().lower()[:64], fields.get("back", "/")
        address = request.client.host if request.client else "unknown"
        known = self._known(request, name, now)
        keys = _keys(name, address, known)
        if (left := self._throttle.wait(keys[0])) is not None:
            return await self._wait(request, left, back)
        delay = self._throttle.delay(*keys[1:])
        try:
            async with self._queue.turn(address, name, known=known, delay=delay):
                # Asked again: others may have failed in the meantime.
                if (left := self._throttle.wait(keys[0])) is not None:
                    return await self._wait(request, left, back)
                # Counted before it is known, so that no attempt beside this one goes uncounted.
                self._throttle.failed(*keys)
                password = fields.get("password", "")
                user = await asyncio.to_thread(self._users.check, name, password)
        except QueueFullError:
            again = {"Retry-After": str(BUSY_SECONDS)}
            raise HTTPException(503, "Too many sign-ins at once. Try again.", again) from None
        if user is None:
            log.warning("sign_in_refused", user=name, address=address)
            return await self.form(request, back=back, error=WRONG, name=name, status=401)
        self._throttle.forget(*keys)
        return await self._welcome(user, back)

    async def form(
        self, request: Request, *, back: str, error: str = "", name: str = "", status: int = 200
    ) -> HTMLResponse:
        """Answer with the form; a cookie that still lasts goes on, so that two tabs both work."""
        now = self._now()
        cookie = request.cookies.get(self._form_cookie, "")
        if not self._forms.valid(cookie, now + FORM_LASTS / 2):
            cookie = self._forms.new(now)
        response = await self._pages.page(
            request,
            "signin.html",
            status=status,
            form_token=self._forms.token(cookie),
            back=local(back),
            error=error,
            name=name,
        )
        lasts = round(FORM_LASTS.total_seconds())
        self._guard.set_cookie(response, self._form_cookie, cookie, seconds=lasts)
        return response

    def _known(self, request: Request, name: str, now: datetime) -> str:
        """Name the browser when it has signed in as this user, and is not guessing now."""
        cookie = request.cookies.get(self._known_cookie, "")
        browser = known_browser(cookie, self._users.find(name), now)
        if browser and self._throttle.wait(f"browser {browser}") is None:
            return browser
        return ""

    async def _welcome(self, user: User, back: str) -> Response:
        guard = self._guard
        log.info("signed_in", user=user.name, role=user.role.value)
        response = RedirectResponse(local(back), 303)
        guard.set_cookie(response, guard.cookie, await guard.sessions.open(user))
        known = known_cookie(user, self._now())
        lasts = round(KNOWN_LASTS.total_seconds())
        guard.set_cookie(response, self._known_cookie, known, seconds=lasts)
        guard.delete_cookie(response, self._form_cookie)
        return response

    async def _wait(self, request: Request, left: timedelta, back: str) -> Response:
        minutes = math.ceil(left.total_seconds() / 60)
        error = f"Too many failed attempts. Wait {minutes} min and try again."
        response = await self.form(request, back=back, error=error, status=429)
        response.headers["Retry-After"] = str(math.ceil(left.total_seconds()))
        return response


def _keys(name: str, address: str, known: str) -> tuple[str, ...]:
    """Return what an attempt is counted under: first what must wait, then what is held back."""
    if known:
        return (f"browser {known}",)
    near = subnet(address)
    return f"{name} from {near}", f"name {name}", f"address {near}"
