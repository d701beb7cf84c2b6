"""The route of Alertmanager's webhook.

It answers 200 only after the alerts are durable, and says in `applied` what each of them became;
whatever else it answers makes Alertmanager try again, except 4xx, which say that the same request
can never succeed.
"""

import asyncio
import hmac

import structlog
from pydantic import SecretStr, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dexwatch import clock
from dexwatch.receivers.alertmanager.config import BOUNDS, SOURCE, Bounds
from dexwatch.receivers.alertmanager.parse import Envelope, Parsed, in_order, parse
from dexwatch.receivers.receiver import Inbound
from dexwatch.response.store import StoreUnavailableError

_log = structlog.get_logger(__name__)

_RETRY_SECONDS = "2"


class _TooLargeError(Exception):
    pass


def routes(inbound: Inbound, *, bounds: Bounds = BOUNDS) -> list[Route]:
    """Return the webhook's route."""

    async def alertmanager(request: Request) -> Response:
        outcome, response = await _take(request, inbound, bounds)
        inbound.count(outcome)
        if outcome != "accepted":
            _log.warning("receiver.refused", receiver=SOURCE, outcome=outcome)
        return response

    return [Route(f"/hooks/{SOURCE}", alertmanager, methods=["POST"])]


async def _take(request: Request, inbound: Inbound, bounds: Bounds) -> tuple[str, Response]:
    if not _known(request, inbound.token):
        refusal = _says(401, "the bearer token is not respond.hook_token")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return "unauthorized", refusal
    try:
        async with asyncio.timeout(bounds.body_seconds):
            body = await _body(request, bounds.body_bytes)
        envelope = Envelope.model_validate_json(body)
    except (TimeoutError, ClientDisconnect):
        refusal = _says(408, f"the body did not come within {bounds.body_seconds:g} seconds")
        refusal.headers["Connection"] = "close"
        return "too_slow", refusal
    except _TooLargeError:
        words = f"a body may have {bounds.body_bytes} bytes; set max_alerts in Alertmanager"
        refusal = _says(413, words)
        # What the sender still pushes would otherwise have to be read.
        refusal.headers["Connection"] = "close"
        return "too_large", refusal
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"]) or "body"
        return "malformed", _says(400, f"not a version 4 Alertmanager webhook: see {where[:200]}")
    found = parse(envelope, bounds)
    try:
        if any(each.ignored == "heartbeat" for each in found):
            await inbound.heartbeat(SOURCE, clock.now())
        left_out = len(envelope.alerts) - len(found) + envelope.truncated
        return await _apply(found, inbound, left_out=left_out)
    except StoreUnavailableError:
        refusal = _says(503, "the incident store is unavailable, try again")
        refusal.headers["Retry-After"] = _RETRY_SECONDS
        return "unavailable", refusal


async def _apply(found: list[Parsed], inbound: Inbound, *, left_out: int) -> tuple[str, Response]:
    events = in_order([each.event for each in found if each.event is not None])
    applied = await inbound.ingest(events)
    reasons = {id(e): done.reason.value for e, done in zip(events, applied, strict=True)}
    answers = [
        each.ignored
        or (f"refused: see {each.refused}" if each.refused else reasons[id(each.event)])
        for each in found
    ]
    refused, cut = sum(bool(each.refused) for each in found), sum(each.cut for each in found)
    if refused or cut or left_out:
        _log.warning(
            "receiver.in_part", receiver=SOURCE, refused=refused, cut=cut, left_out=left_out
        )
    answer = {"applied": answers, "cut": cut, "left_out": left_out}
    if refused == len(found) > 0:
        return "malformed", JSONResponse(answer, status_code=400)
    return ("in_part" if refused or left_out else "accepted"), JSONResponse(answer)


def _known(request: Request, token: SecretStr) -> bool:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    expected = token.get_secret_value().encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), expected)


async def _body(request: Request, most: int) -> bytes:
    """Read the body, but never more than the bound."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > most:
        raise _TooLargeError
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise _TooLargeError
    return bytes(body)


def _says(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status_code=status)
