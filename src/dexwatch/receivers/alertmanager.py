"""The inbound door: Alertmanager's webhook.

It answers 200 only after the alerts are durable; whatever else it answers makes Alertmanager try
again, except 400 and 413, which say that the same request can never succeed.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import structlog
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dexwatch.incidents.events import AlertEvent
from dexwatch.response.ingest import fired, resolved
from dexwatch.response.store import Applied, StoreUnavailableError

_log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024
_BODY_SECONDS = 10.0
_MAX_ALERTS = 2000
_RETRY_SECONDS = "2"
_FIRST_YEAR, _LAST_YEAR = 1970, 9000

Label = Annotated[str, Field(max_length=8192)]
Labels = Annotated[dict[Annotated[str, Field(max_length=256)], Label], Field(max_length=100)]
Ingests = Callable[[Sequence[AlertEvent]], Awaitable[Sequence[Applied]]]


class _Alert(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["firing", "resolved"]
    labels: Labels
    annotations: Labels = {}
    startsAt: AwareDatetime  # noqa: N815 - Alertmanager's own names.
    endsAt: AwareDatetime | None = None  # noqa: N815
    fingerprint: str = Field(min_length=1, max_length=128)

    @field_validator("startsAt", "endsAt")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("this moment is outside the calendar") from None

    @field_validator("startsAt")
    @classmethod
    def _sensible(cls, moment: datetime) -> datetime:
        # What is reckoned from the start, such as when the fault began, must be in the calendar.
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise ValueError(f"an alert starts in the years {_FIRST_YEAR} to {_LAST_YEAR}")
        return moment


class _Payload(BaseModel):
    """Version 4 of the webhook, as Alertmanager documents it; newer keys are let pass."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal["4"]
    groupKey: str = Field(max_length=16384)  # noqa: N815
    status: Literal["firing", "resolved"]
    alerts: tuple[_Alert, ...] = Field(max_length=_MAX_ALERTS)


class _TooLargeError(Exception):
    pass


def routes(
    ingest: Ingests,
    *,
    token: SecretStr,
    body_seconds: float = _BODY_SECONDS,
    count: Callable[[str], None] = lambda _: None,
) -> list[Route]:
    """Return the webhook's routes.

    Args:
        ingest: applies events durably; may raise `StoreUnavailableError`.
        token: what Alertmanager must show as a bearer token.
        body_seconds: how long a sender may take over its body.
        count: told the outcome of each request, one of `agenda.figures.HOOK_OUTCOMES`.
    """

    async def alertmanager(request: Request) -> Response:
        outcome, response = await _take(request, ingest, token, body_seconds)
        count(outcome)
        if outcome != "accepted":
            _log.warning("hook.refused", hook="alertmanager", outcome=outcome)
        return response

    return [Route("/hooks/alertmanager", alertmanager, methods=["POST"])]


async def _take(
    request: Request, ingest: Ingests, token: SecretStr, body_seconds: float
) -> tuple[str, Response]:
    if not _known(request, token):
        refusal = _says(401, "the bearer token is not respond.hook_token")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return "unauthorized", refusal
    try:
        async with asyncio.timeout(body_seconds):
            body = await _body(request)
        payload = _Payload.model_validate_json(body)
    except TimeoutError:
        refusal = _says(408, f"the body did not come within {body_seconds:g} seconds")
        refusal.headers["Connection"] = "close"
        return "too_slow", refusal
    except _TooLargeError:
        refusal = _says(413, f"a body may have {MAX_BODY} bytes; set max_alerts in Alertmanager")
        # What the sender still pushes would otherwise have to be read.
        refusal.headers["Connection"] = "close"
        return "too_large", refusal
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"]) or "body"
        return "malformed", _says(400, f"not a version 4 Alertmanager webhook: see {where[:200]}")
    try:
        applied = await ingest(events_of(payload))
    except StoreUnavailableError:
        refusal = _says(503, "the incident store is unavailable, try again")
        refusal.headers["Retry-After"] = _RETRY_SECONDS
        return "unavailable", refusal
    return "accepted", JSONResponse({"applied": [a.reason.value for a in applied]})


def events_of(payload: _Payload) -> list[AlertEvent]:
    """Return the payload's alerts as events, the resolved ones first.

    Within one message a resolve frees what a new episode of the same alert then takes.
    """
    events: list[AlertEvent] = []
    for alert in sorted(payload.alerts, key=lambda a: (a.status != "resolved", a.startsAt)):
        if alert.labels.get("severity") == "none":
            # The dead man's signal is looked for elsewhere and asks nobody for an answer.
            continue
        starts_at = alert.startsAt
        if alert.status == "firing":
            events.append(
                fired(
                    fingerprint=alert.fingerprint,
                    labels=alert.labels,
                    annotations=alert.annotations,
                    starts_at=starts_at,
                    upstream=_short(payload.groupKey),
                )
            )
        else:
            events.append(
                resolved(
                    fingerprint=alert.fingerprint,
                    labels=alert.labels,
                    annotations=alert.annotations,
                    starts_at=starts_at,
                    ends_at=_ended(alert, starts_at),
                    upstream=_short(payload.groupKey),
                )
            )
    return events


def _known(request: Request, token: SecretStr) -> bool:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    expected = token.get_secret_value().encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), expected)


async def _body(request: Request) -> bytes:
    """Read the body, but never more than the bound."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise _TooLargeError
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _TooLargeError
    return bytes(body)


def _ended(alert: _Alert, starts_at: datetime) -> datetime:
    return alert.endsAt or starts_at


def _short(group_key: str) -> str:
    """Return the group's key, shortened so that an index can hold it."""
    if len(group_key) <= 200:
        return group_key
    return f"{group_key[:120]}#{hashlib.sha256(group_key.encode()).hexdigest()[:32]}"


def _says(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status_code=status)
