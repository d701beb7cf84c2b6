"""Silences: they live in Alertmanager; here they are made, previewed and ended."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.console.access.guard import Fields
from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.sources.alertmanager import Matcher, RoutedAlert, Silence
from dexwatch.sources.http import SourceError

log = structlog.get_logger(__name__)

DURATIONS = {"15m": 15, "1h": 60, "4h": 240, "12h": 720, "1d": 1_440, "7d": 10_080}
"""Minutes by the name in the form; a silence always ends."""
MOST_MATCHERS = 10
LONGEST_TEXT = 500
_MATCHER = re.compile(r'^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*$')
_NESTED = re.compile(r"\([^)]*[+*][^)]*\)[+*{]")


class MatcherError(ValueError):
    """The text is no list of matchers; the message says what to write."""


def build(context: Context) -> APIRouter:
    """Return the routes of the silences."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(context.guard.viewer)]
    operator = Annotated[Session, Depends(context.guard.operator)]

    @router.get("/silences")
    async def listing(request: Request, _: viewer, matchers: str = "") -> HTMLResponse:
        return await _page(context, request, form={"matchers": matchers[:LONGEST_TEXT]})

    @router.post("/silences/preview")
    async def preview(_: operator, fields: Fields) -> HTMLResponse:
        try:
            wanted = parse(fields.get("matchers", ""))
            hit = [one for one in await context.alertmanager.alerts() if mutes(wanted, one.labels)]
            values = {"error": "", "hit": hit}
        except (MatcherError, SourceError) as error:
            values = {"error": str(error), "hit": []}
        return HTMLResponse(context.view.text("parts/preview.html", values))

    @router.post("/silences")
    async def create(request: Request, session: operator, fields: Fields) -> Response:
        form = {key: fields.get(key, "")[:LONGEST_TEXT] for key in ("matchers", "lasts", "comment")}
        try:
            wanted, minutes = _wish(form)
            begins = context.now()
            silence = await context.alertmanager.silence(
                wanted,
                starts=begins,
                ends=begins + timedelta(minutes=minutes),
                by=session.user,
                comment=form["comment"].strip(),
            )
        except (MatcherError, SourceError) as error:
            return await _page(context, request, form=form, error=str(error), status=400)
        log.info("silence_created", user=session.user, silence=silence, matchers=form["matchers"])
        await context.heart.again()
        return RedirectResponse("/silences", 303)

    @router.post("/silences/{silence_id}/expire")
    async def expire(silence_id: str, session: operator) -> Response:
        try:
            await context.alertmanager.expire(silence_id)
        except SourceError as error:
            raise HTTPException(502, f"Alertmanager did not end it: {error}") from None
        log.info("silence_expired", user=session.user, silence=silence_id)
        await context.heart.again()
        return RedirectResponse("/silences", 303)

    return router


def _wish(form: Mapping[str, str]) -> tuple[list[Matcher], int]:
    """Return the matchers and the minutes of a filled form."""
    wanted = parse(form["matchers"])
    minutes = DURATIONS.get(form["lasts"])
    if minutes is None:
        raise MatcherError("Choose how long.")
    if not form["comment"].strip():
        raise MatcherError("Say why, so that others know when it may go.")
    return wanted, minutes


async def _page(
    context: Context,
    request: Request,
    *,
    form: Mapping[str, str],
    error: str = "",
    status: int = 200,
) -> HTMLResponse:
    silences: Sequence[Silence] = ()
    alerts: Sequence[RoutedAlert] = ()
    unseen = ""
    try:
        silences = await context.alertmanager.silences()
        alerts = await context.alertmanager.alerts()
    except SourceError as failure:
        unseen = f"Alertmanager does not answer: {failure}"
    order = {"active": 0, "pending": 1, "expired": 2}
    shown = sorted(silences, key=lambda one: (order.get(one.state, 3), -one.ends.timestamp()))
    return await context.page(
        request,
        "silences.html",
        status=status,
        silences=shown[:100],
        hits={one.id: sum(mutes(one.matchers, alert.labels) for alert in alerts) for one in shown},
        form={"lasts": "1h", "comment": "", **form},
        durations=DURATIONS,
        error=error,
        unseen=unseen,
    )


def parse(text: str) -> list[Matcher]:
    """Read matchers such as `alertname="ApiLatencyHigh", host=~"dex-.*"`, one a line or by comma.

    Raises:
        MatcherError: something is no matcher, or nothing would be named.
    """
    parts = [part for part in re.split(r'[\n,](?=(?:[^"]*"[^"]*")*[^"]*$)', text) if part.strip()]
    if not parts:
        raise MatcherError('Write at least one matcher, for example alertname="ApiLatencyHigh".')
    if len(parts) > MOST_MATCHERS:
        raise MatcherError(f"At most {MOST_MATCHERS} matchers.")
    found = []
    for part in parts:
        match = _MATCHER.match(part)
        if match is None:
            raise MatcherError(f'{part.strip()[:60]} is no matcher: write label="value".')
        name, operator, value = match.groups()
        found.append(Matcher(name, value, "~" in operator, not operator.startswith("!")))
    if all(_matches(one, "") for one in found):
        raise MatcherError("These matchers would mute everything: name at least one value.")
    return found


def mutes(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Would these matchers hold back an alert with these labels?"""
    return all(_matches(one, labels.get(one.name, "")) for one in matchers)


def _matches(matcher: Matcher, value: str) -> bool:
    if not matcher.is_regex:
        return (matcher.value == value) is matcher.is_equal
    # Python's engine can be made to run for hours by nested repeats; Alertmanager's cannot.
    if _NESTED.search(matcher.value):
        raise MatcherError("Write the expression without repeats inside repeats.")
    try:
        return bool(re.fullmatch(matcher.value, value[:200])) is matcher.is_equal
    except re.error as error:
        raise MatcherError(f"{matcher.value[:60]} is no regular expression: {error}") from None
