"""The exchange's HTTP API; `python -m dexwatch.demo.exchange.api FILE` runs one upstream."""

import asyncio
import contextlib
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import Route

from dexwatch.demo.exchange.cache import QueueFullError
from dexwatch.demo.exchange.process import ProcessSettings
from dexwatch.demo.exchange.service import Service, serve
from dexwatch.demo.exchange.store import TradeRow, digest
from dexwatch_instrument import HttpMetrics, MetricsPage

FEATURES = ("swap", "charts", "alerts", "farms")
_SOURCES = 10_000
_TOUCH_SHARE = 0.05
"""Share of requests with a cached session for which the database notes its use."""


class Credentials(BaseModel):
    """E-mail address and password of a user."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    password: Annotated[str, Field(min_length=8, max_length=200)]


class TradeOrder(BaseModel):
    """What a user wants traded, measured in dollars."""

    pair: Annotated[str, Field(max_length=40)]
    side: Literal["buy", "sell"]
    usd: Annotated[float, Field(gt=0, le=100_000)]


class Payment(BaseModel):
    """Money that goes in or out."""

    kind: Literal["deposit", "withdrawal"]
    usd: Annotated[float, Field(gt=0, le=100_000)]


class Ticket(BaseModel):
    """A question to support."""

    subject: Annotated[str, Field(min_length=1, max_length=200)]


class Survey(BaseModel):
    """An answered survey."""

    score: Annotated[int, Field(ge=1, le=5)]


class RateLimiter:
    """A token bucket for each of the most recent source addresses."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, source: str) -> bool:
        """Return whether the source may make one more request now; bursts of two seconds pass."""
        now, most = time.monotonic(), 2 * self._rate
        left, at = self._buckets.pop(source, (most, now))
        left = min(most, left + (now - at) * self._rate)
        self._buckets[source] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > _SOURCES:
            self._buckets.popitem(last=False)
        return left >= 1


class Exchange(Service):
    """All that the routes need, for one process."""

    def __init__(self, settings: ProcessSettings) -> None:
        super().__init__(settings)
        self.rate_limiter = RateLimiter(settings.rate_limit_per_second)
        self.random = random.Random(settings.port)

    async def user(self, token: str) -> int | None:
        """Return whose session it is; the database answers where the cache cannot."""
        try:
            user = await self.cache.session(digest(token))
        except (RedisError, OSError):
            return await self.store.session_user(token)
        if user is None:
            user = await self.store.session_user(token)
            if user is not None:
                await self.cache.set_session(digest(token), user)
        elif self.random.random() < _TOUCH_SHARE:
            await self.store.session_user(token)
        return user


def _exchange(request: Request) -> Exchange:
    return request.app.state.exchange  # type: ignore[no-any-return]


CurrentExchange = Annotated[Exchange, Depends(_exchange)]


async def _admit(request: Request, exchange: CurrentExchange) -> None:
    source = request.client.host if request.client else "unknown"
    if not exchange.rate_limiter.allows(source):
        exchange.platform.rate_limited(request.scope["route"].path)
        raise HTTPException(429, "too many requests", {"retry-after": "1"})
    faults = exchange.faults.now
    if faults.api_delay_seconds:
        await asyncio.sleep(faults.api_delay_seconds * exchange.random.uniform(0.9, 1.1))
    if exchange.random.random() < faults.api_error_share:
        raise HTTPException(500, "something broke")


def _token(authorization: Annotated[str, Header()] = "") -> str:
    return authorization.removeprefix("Bearer ").strip()


async def _signed_in(exchange: CurrentExchange, token: Annotated[str, Depends(_token)]) -> int:
    if not token:
        exchange.platform.refused("missing")
        raise HTTPException(401, "sign in first")
    user = await exchange.user(token)
    if user is None:
        exchange.platform.refused("expired")
        raise HTTPException(401, "the session has ended")
    return user


User = Annotated[int, Depends(_signed_in)]
router = APIRouter(prefix="/api", dependencies=[Depends(_admit)])


@router.post("/registrations", status_code=201)
async def register(body: Credentials, exchange: CurrentExchange) -> dict[str, int]:
    """Open an account."""
    with exchange.platform.business("registration") as work:
        user = None
        try:
            if not exchange.faults.now.registration_broken:
                user = await exchange.store.add_user(body.email, body.password)
        finally:
            exchange.platform.registered("failure" if user is None else "success")
        if user is None:
            work.outcome = "failure"
            raise HTTPException(422, "the address could not be verified")
        return {"user": user}


@router.post("/sessions", status_code=201)
async def sign_in(body: Credentials, request: Request, exchange: CurrentExchange) -> dict[str, str]:
    """Sign in and get a session's token."""
    source = request.client.host if request.client else "unknown"
    user = await exchange.store.check_password(body.email, body.password)
    exchange.platform.signed_in(success=user is not None, source=source)
    if user is None:
        raise HTTPException(401, "wrong address or password")
    token = await exchange.store.open_session(user, source)
    with contextlib.suppress(RedisError, OSError):
        await exchange.cache.set_session(digest(token), user)
    return {"token": token}


@router.delete("/sessions", status_code=204)
async def sign_out(
    exchange: CurrentExchange, _: User, token: Annotated[str, Depends(_token)]
) -> None:
    """End the session."""
    seconds = await exchange.store.end_session(token)
    with contextlib.suppress(RedisError, OSError):
        await exchange.cache.drop_session(digest(token))
    if seconds is not None:
        exchange.platform.session_ended(seconds)


@router.get("/quotes/{pair}")
async def quote(pair: str, exchange: CurrentExchange) -> dict[str, object]:
    """Return the price of a pair, such as WBNB-USDT, from the cache or else from the chain."""
    name = pair.replace("-", "/")
    if name not in exchange.swaps.pairs:
        raise HTTPException(404, "no such pair")
    with contextlib.suppress(RedisError, OSError):
        cached = await exchange.cache.quote(name)
        if cached is not None:
            return cached
    fresh = {"pair": name, "price": (await exchange.swaps.quotes()).pools[name].price}
    with contextlib.suppress(RedisError, OSError):
        await exchange.cache.set_quote(name, fresh)
    return fresh


@router.post("/trades", status_code=202)
async def trade(body: TradeOrder, user: User, exchange: CurrentExchange) -> dict[str, int]:
    """Take an order; the job worker carries it out."""
    if body.pair not in exchange.swaps.pairs:
        raise HTTPException(404, "no such pair")
    identity = await exchange.store.add_trade(user, body.pair, body.side, body.usd)
    await exchange.cache.push("trades", id=identity, pair=body.pair, side=body.side, usd=body.usd)
    return {"trade": identity}


@router.get("/trades/{identity}")
async def show_trade(identity: int, user: User, exchange: CurrentExchange) -> TradeRow:
    """Return one of the user's own trades."""
    found = await exchange.store.trade(user, identity)
    if found is None:
        raise HTTPException(404, "no such trade")
    return found


@router.get("/portfolio")
async def portfolio(user: User, exchange: CurrentExchange) -> dict[str, float]:
    """Return the value of the user's holdings by token."""
    return await exchange.store.portfolio(user)


@router.post("/payments", status_code=202)
async def pay(body: Payment, user: User, exchange: CurrentExchange) -> dict[str, int]:
    """Take a payment; the job worker settles it."""
    identity = await exchange.store.add_payment(user, body.kind, body.usd)
    await exchange.cache.push("payments", id=identity, kind=body.kind)
    return {"payment": identity}


@router.post("/tickets", status_code=202)
async def ask(body: Ticket, user: User, exchange: CurrentExchange) -> None:
    """Take a question to support."""
    await exchange.cache.push("tickets", user=user, subject=body.subject)


@router.post("/features/{feature}", status_code=204)
async def use(feature: str, user: User, exchange: CurrentExchange) -> None:
    """Note the use of a feature."""
    if feature not in FEATURES:
        raise HTTPException(404, "no such feature")
    await exchange.store.use_feature(user, feature)


@router.post("/surveys", status_code=204)
async def answer(body: Survey, user: User, exchange: CurrentExchange) -> None:
    """Take an answered survey."""
    await exchange.store.add_survey(user, body.score)


@router.get("/admin/users")
async def administer(_: User, exchange: CurrentExchange) -> None:
    """Refuse: no user of the sample is an administrator."""
    exchange.platform.refused("forbidden")
    raise HTTPException(403, "administrators only")


async def _about() -> dict[str, str]:
    return {"detail": "This is the API of the sample exchange; /health tells whether it works."}


async def _health() -> dict[str, str]:
    return {"status": "ok"}


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"unavailable: {type(error).__name__}"}, 503)


def build(settings: ProcessSettings) -> FastAPI:
    """Return the application of one upstream."""
    exchange = Exchange(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(exchange.faults.follow())
        yield
        following.cancel()
        await exchange.close()

    app = FastAPI(title="Sample exchange", lifespan=lifespan, openapi_url=None)
    app.state.exchange = exchange
    app.include_router(router)
    app.add_api_route("/", _about)
    app.add_api_route("/health", _health)
    app.router.routes.append(Route("/metrics", MetricsPage(exchange.platform.registry)))
    for kind in (SQLAlchemyError, RedisError, OSError, QueueFullError):
        app.add_exception_handler(kind, _unavailable)
    app.add_middleware(
        HttpMetrics, platform=exchange.platform, quiet=frozenset({"/metrics", "/health"})
    )
    return app


if __name__ == "__main__":
    serve(build, proxied=True)
