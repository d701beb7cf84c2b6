"""The console's composition: `build_site` puts pages, guards and live data together.

site = build_site(config, platform="sample-dex", store=store, sessions=..., prometheus=...,
                  alertmanager=..., rules=ALERTS)
uvicorn.run(site, host=config.host, port=config.port)
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import structlog
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from dexwatch import clock
from dexwatch.console.access.bodies import BoundedBodies
from dexwatch.console.access.guard import Guard, SignInNeededError
from dexwatch.console.access.headers import Headers
from dexwatch.console.access.origin import Proxies, SameOrigin
from dexwatch.console.access.sessions import Sessions
from dexwatch.console.access.throttle import Throttle
from dexwatch.console.access.users import Users
from dexwatch.console.config import ConsoleConfig
from dexwatch.console.context import Context
from dexwatch.console.live.heart import Heart
from dexwatch.console.live.hub import Hub
from dexwatch.console.pages import (
    alerts,
    boards,
    incidents,
    runbooks,
    sample,
    signin,
    silences,
    stream,
    targets,
)
from dexwatch.console.protocols import Alertmanager, Now, Prometheus, SessionStore
from dexwatch.console.view import Assets, View, vendor_folders
from dexwatch.metrics.profile import PRODUCTION, EvaluationProfile
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.rules.rule import AlertRule

log = structlog.get_logger(__name__)


def build_site(
    config: ConsoleConfig,
    *,
    store: Store,
    sessions: SessionStore,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    rules: Iterable[AlertRule] = (),
    profile: EvaluationProfile = PRODUCTION,
    refresh_speed: float = 1.0,
    platform: str = "dexwatch",
    vendor: Sequence[Path] | None = None,
    now: Now = clock.now,
) -> FastAPI:
    """Return the console as an ASGI application; the caller owns store and clients.

    Raises:
        AssetsMissingError: the browser scripts are in none of the `vendor` folders.
    """
    secure = urlsplit(config.public_url).scheme == "https"
    users = Users(config.users_file)
    guarded = Sessions(
        sessions,
        users,
        lasts=timedelta(hours=config.session_hours),
        idle=timedelta(minutes=config.idle_minutes),
        now=now,
    )
    assets = Assets(vendor_folders() if vendor is None else vendor)
    context = Context(
        config=config,
        platform=platform,
        store=store,
        prometheus=prometheus,
        alertmanager=alertmanager,
        rules={rule.id: rule for rule in rules},
        hub=Hub(prometheus, profile, speed=refresh_speed, now=now),
        heart=Heart(prometheus, alertmanager, store, profile, now=now),
        guard=Guard(guarded, secure=secure),
        users=users,
        throttle=Throttle(failures=5, within=timedelta(minutes=5), now=now),
        view=View(assets, platform=platform, now=now),
        now=now,
    )
    return _application(context, secure=secure)


def _application(context: Context, *, secure: bool) -> FastAPI:
    control = context.config.sample_control
    door = sample.SampleControl(control) if control else None

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await context.hub.close()
        await context.heart.close()
        if door:
            await door.close()

    site = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    config = context.config
    # The last one added stands outermost.
    site.add_middleware(BoundedBodies)
    site.add_middleware(SameOrigin, public_url=config.public_url, port=config.port)
    site.add_middleware(Proxies, trusted=config.trusted_proxies)
    site.add_middleware(Headers, secure=secure)
    site.include_router(_plain(context))
    parts = (signin, boards, stream, alerts, incidents, silences, targets, runbooks)
    for part in parts:
        site.include_router(part.build(context))
    if door:
        site.include_router(sample.build(context, door))
    _errors(site, context)
    return site


def _plain(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.get("/static/{digest}/{name}")
    async def static(digest: str, name: str, request: Request) -> Response:
        answer = context.view.assets.answer(digest, name, request)
        if answer is None:
            raise HTTPException(404, "There is no such file.")
        return answer

    @router.get("/favicon.ico")
    async def favicon() -> Response:
        return RedirectResponse(context.view.assets.address("mark.svg"))

    return router


def _errors(site: FastAPI, context: Context) -> None:
    @site.exception_handler(SignInNeededError)
    async def sign_in(request: Request, error: Exception) -> Response:
        assert isinstance(error, SignInNeededError)  # noqa: S101 - for the type checker.
        if request.method != "GET" or request.headers.get("accept") == "text/event-stream":
            return PlainTextResponse("Sign in first.", 401)
        # A link in a message comes without the strict cookie; asked again from here it has it.
        if request.headers.get("sec-fetch-site") == "cross-site":
            again = context.view.text("again.html", {"address": error.back})
            return HTMLResponse(again)
        return RedirectResponse(f"/sign-in?back={quote(error.back, safe='/')}", 303)

    async def page(request: Request, status: int, words: str) -> Response:
        if request.headers.get("hx-request"):
            return PlainTextResponse(words, status)
        return await context.page(request, "error.html", status=status, code=status, words=words)

    @site.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)  # noqa: S101 - for the type checker.
        answer = await page(request, error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @site.exception_handler(RequestValidationError)
    async def invalid(request: Request, _: Exception) -> Response:
        return await page(request, 400, "The address or the form holds a value that cannot be.")

    @site.exception_handler(StoreUnavailableError)
    async def no_store(request: Request, _: Exception) -> Response:
        return await page(request, 503, "The incident store does not answer. Try again shortly.")
