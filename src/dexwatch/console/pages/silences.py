"""Silences: they live in Alertmanager; here they are made, previewed and ended."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.clients.alertmanager import Matcher, RoutedAlert, Silence
from dexwatch.clients.http import SourceError
from dexwatch.console.access.guard import Fields
from dexwatch.console.breadth import breadth, unknown_name
from dexwatch.console.matching import LONGEST_TEXT, MatcherError, mutes, parse
from dexwatch.console.services import Console, Operator, Viewer

router = APIRouter()

log = structlog.get_logger(__name__)

DURATIONS = {"15m": 15, "1h": 60, "4h": 240, "12h": 720, "1d": 1_440, "7d": 10_080}
"""Minutes by the name in the form; a silence always ends."""
_CLOCKS_APART = timedelta(minutes=1)
"""So far the clock of Alertmanager's host may be behind ours, and a silence mutes at once."""
MOST_ALERTS = 2_000
"""So many alerts are compared with a silence; an expression is linear, but not free."""


@router.get("/silences")
async def listing(
    console: Console, request: Request, _: Viewer, matchers: str = ""
) -> HTMLResponse:
    """Show the silences, and the form for a new one."""
    return await _page(console, request, form={"matchers": matchers[:LONGEST_TEXT]})


@router.post("/silences/preview")
async def preview(console: Console, _: Operator, fields: Fields) -> HTMLResponse:
    """Say what a silence would hold back, before it is made."""
    values: dict[str, object] = {"error": "", "hit": [], "wide": "", "unknown": ""}
    try:
        wanted = parse(fields.get("matchers", ""))
        muted = breadth(wanted, console.rules.values())
        values["unknown"] = unknown_name(wanted, console.rules.values())
        alerts = await console.alertmanager.alerts()
        values["hit"] = await asyncio.to_thread(_hit, wanted, alerts[:MOST_ALERTS])
        values["wide"] = muted.words if muted.wide else ""
    except (MatcherError, SourceError) as error:
        values["error"] = str(error)
    return HTMLResponse(console.pages.renderer.text("parts/preview.html", values))


@router.post("/silences")
async def create(console: Console, request: Request, session: Operator, fields: Fields) -> Response:
    """Make a silence; a wide one is asked about first."""
    # Longer matchers are refused, not cut: a cut expression would mute something else.
    form = {"matchers": fields.get("matchers", "")[: LONGEST_TEXT + 1]}
    form |= {key: fields.get(key, "")[:LONGEST_TEXT] for key in ("lasts", "comment")}
    try:
        wanted, minutes = _wish(form)
        muted = breadth(wanted, console.rules.values())
        if muted.wide and fields.get("sure") != muted.words:
            return await _page(console, request, form=form, ask=muted.words, status=409)
        now = console.now()
        silence = await console.alertmanager.silence(
            wanted,
            # Alertmanager makes a past start its own present; one ahead of it would mute nothing.
            starts=now - _CLOCKS_APART,
            ends=now + timedelta(minutes=minutes),
            by=session.user,
            comment=form["comment"].strip(),
        )
    except (MatcherError, SourceError) as error:
        return await _page(console, request, form=form, error=str(error), status=400)
    log.info("silence_created", user=session.user, silence=silence, matchers=form["matchers"])
    await console.health.poll()
    return RedirectResponse("/silences", 303)


@router.post("/silences/{silence_id}/expire")
async def expire(console: Console, silence_id: str, session: Operator) -> Response:
    """End a silence."""
    try:
        await console.alertmanager.expire(silence_id)
    except SourceError as error:
        raise HTTPException(502, f"Alertmanager did not end it: {error}") from None
    log.info("silence_expired", user=session.user, silence=silence_id)
    await console.health.poll()
    return RedirectResponse("/silences", 303)


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
    console: Console,
    request: Request,
    *,
    form: Mapping[str, str],
    error: str = "",
    ask: str = "",
    status: int = 200,
) -> HTMLResponse:
    silences: Sequence[Silence] = ()
    alerts: Sequence[RoutedAlert] = ()
    unseen = ""
    try:
        silences = await console.alertmanager.silences()
        alerts = await console.alertmanager.alerts()
    except SourceError as failure:
        unseen = f"Alertmanager does not answer: {failure}"
    order = {"active": 0, "pending": 1, "expired": 2}
    shown = sorted(silences, key=lambda one: (order.get(one.state, 3), -one.ends.timestamp()))
    return await console.pages.page(
        request,
        "silences.html",
        status=status,
        silences=shown[:100],
        hits=await asyncio.to_thread(_hits, shown[:100], alerts[:MOST_ALERTS]),
        form={"lasts": "1h", "comment": "", **form},
        durations=DURATIONS,
        error=error,
        ask=ask,
        unseen=unseen,
    )


def _hit(matchers: Sequence[Matcher], alerts: Sequence[RoutedAlert]) -> list[RoutedAlert]:
    """Return the alerts that these matchers hold back."""
    return [alert for alert in alerts if mutes(matchers, alert.labels)]


def _hits(silences: Sequence[Silence], alerts: Sequence[RoutedAlert]) -> dict[str, int | str]:
    """Return how many alerts each active silence holds back, `?` where we cannot read it."""
    found: dict[str, int | str] = {}
    for silence in silences:
        if silence.state == "active":
            try:
                found[silence.id] = len(_hit(silence.matchers, alerts))
            except MatcherError:
                found[silence.id] = "?"
    return found
