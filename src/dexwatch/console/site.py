"""The console's composition: `build_site` puts pages, guards and live data together.

site = build_site(config, platform="sample-dex", store=store, sessions=..., prometheus=...,
                  alertmanager=..., alert_rules=ALERTS)
uvicorn.run(site, host=config.host, port=config.port)
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
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
from dexwatch.console.layout import Pages, live_parts
from dexwatch.console.live.health import ALWAYS_EXPECTED
from dexwatch.console.live.histories import Histories
from dexwatch.console.live.observe import Observer
from dexwatch.console.live.panels import LivePanels
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.measuring import Measured, Measurements
from dexwatch.console.pages import (
    alerts,
    boards,
    incidents,
    rules,
    runbooks,
    sample,
    signin,
    silences,
    stream,
    targets,
)
from dexwatch.console.protocols import Alertmanager, Now, Prometheus, SessionStore
from dexwatch.console.rendering import Assets, Renderer, vendor_folders
from dexwatch.console.services import Services
from dexwatch.metrics.component import Component
from dexwatch.metrics.profile import PRODUCTION, EvaluationProfile
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.rules.rendering import told
from dexwatch.rules.rule import AlertRule

log = structlog.get_logger(__name__)


def build_site(
    config: ConsoleConfig,
    *,
    store: Store,
    sessions: SessionStore,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    alert_rules: Iterable[AlertRule] = (),
    profile: EvaluationProfile = PRODUCTION,
    refresh_speed: float = 1.0,
    receiver: str = "dexwatch",
    expected: Collection[Component] = ALWAYS_EXPECTED,
    platform: str = "dexwatch",
    vendor: Sequence[Path] | None = None,
    measurements: Measurements | None = None,
    now: Now = clock.now,
) -> FastAPI:
    """Return the console as an ASGI application; the caller owns store and clients.

    `receiver` is our receiver's name in Alertmanager; alerts routed elsewhere are not shown.
    `expected` names the components that are configured: no data of one of them is no health.

    Raises:
        AssetsMissingError: the browser scripts are in none of the `vendor` folders.
    """
    secure = urlsplit(config.public_url).scheme == "https"
    users = Users(config.users_file)
    lasts, idle = timedelta(hours=config.session_hours), timedelta(minutes=config.idle_minutes)
    guard = Guard(Sessions(sessions, users, lasts=lasts, idle=idle, now=now), secure=secure)
    assets = Assets(vendor_folders() if vendor is None else vendor)
    renderer = Renderer(assets, platform=platform, now=now)
    windows = SteppedWindows(profile)
    observer = Observer(prometheus, alertmanager, store, windows, receiver, expected)
    health = HealthPoller(observer, partial(live_parts, renderer), now=now)
    control = sample.SampleControl(config.sample_control) if config.sample_control else None
    services = Services(
        pages=Pages(guard, health, renderer, sample=config.sample_control),
        guard=guard,
        store=store,
        prometheus=prometheus,
        alertmanager=alertmanager,
        panels=LivePanels(prometheus, profile, speed=refresh_speed, now=now),
        histories=Histories(prometheus, profile, now=now),
        health=health,
        rules={rule.id: told(rule, profile) for rule in alert_rules},
        now=now,
    )
    closing = [services.panels.close, services.histories.close, health.close]
    site = _application(
        config,
        [_plain(assets), *_pages(services, users, control)],
        [*closing, *([control.close] if control else [])],
        secure=secure,
        measurements=measurements or Measurements(),
    )
    site.state.services = services
    _errors(site, services.pages)
    return site


def _pages(
    services: Services, users: Users, control: sample.SampleControl | None
) -> list[APIRouter]:
    """Return every page's routes; only a page that holds something of its own is built."""
    pages, guard = services.pages, services.guard
    throttle = Throttle(failures=5, within=timedelta(minutes=5), now=services.now)
    return [
        signin.build(pages, guard, users, throttle, now=services.now),
        boards.router,
        stream.build(guard, services.health, services.panels),
        alerts.router,
        incidents.router,
        silences.router,
        targets.router,
        rules.build(pages, services.prometheus, rules=services.rules),
        runbooks.router,
        *([sample.build(pages, control)] if control else []),
    ]


def _application(
    config: ConsoleConfig,
    routers: Iterable[APIRouter],
    closing: Iterable[Callable[[], Awaitable[None]]],
    *,
    secure: bool,
    measurements: Measurements,
) -> FastAPI:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        for close in closing:
            await close()

    site = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    # The last one added stands outermost.
    site.add_middleware(Measured, measurements=measurements)
    site.add_middleware(BoundedBodies)
    site.add_middleware(SameOrigin, public_url=config.public_url, port=config.port)
    site.add_middleware(Proxies, trusted=config.trusted_proxies)
    site.add_middleware(Headers, secure=secure)
    for router in routers:
        site.include_router(router)
    return site


def _plain(assets: Assets) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @router.get("/static/{digest}/{name}")
    async def static(digest: str, name: str, request: Request) -> Response:
        answer = assets.answer(digest, name, request)
        if answer is None:
            raise HTTPException(404, "There is no such file.")
        return answer

    @router.get("/favicon.ico")
    async def favicon() -> Response:
        return RedirectResponse(assets.address("mark.svg"))

    return router


def _errors(site: FastAPI, pages: Pages) -> None:
    @site.exception_handler(SignInNeededError)
    async def sign_in(request: Request, error: Exception) -> Response:
        assert isinstance(error, SignInNeededError)  # noqa: S101 - for the type checker.
        if request.method != "GET" or request.headers.get("accept") == "text/event-stream":
            return PlainTextResponse("Sign in first.", 401)
        # A link in a message comes without the strict cookie; asked again from here it has it.
        if request.headers.get("sec-fetch-site") == "cross-site":
            again = pages.renderer.text("again.html", {"address": error.back})
            return HTMLResponse(again)
        return RedirectResponse(f"/sign-in?back={quote(error.back, safe='/')}", 303)

    async def page(request: Request, status: int, words: str) -> Response:
        if request.headers.get("hx-request"):
            return PlainTextResponse(words, status)
        return await pages.page(request, "error.html", status=status, code=status, words=words)

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
