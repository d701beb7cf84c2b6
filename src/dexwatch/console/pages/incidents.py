"""Incidents: the list, and the page on which an engineer understands one and answers it."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.console.access.guard import Fields
from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.console.live.frames import Frame
from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Section, Threshold
from dexwatch.dashboards.board import Query as PanelQuery
from dexwatch.dashboards.queries import text
from dexwatch.incidents.records import Alert, Incident, IncidentState
from dexwatch.metrics import units
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.severity import Severity
from dexwatch.response import actions as desk
from dexwatch.response.views import IncidentFilter, IncidentView

PAGE = 50
BEFORE = timedelta(minutes=10)
"""How much of the time before the event the graph shows, and as much after it."""
MOST_GRAPHS = 3
ACTS = {
    "acknowledge": desk.acknowledge,
    "resolve": desk.resolve,
    "reopen": desk.reopen,
    "note": desk.add_note,
}


def build(context: Context) -> APIRouter:
    """Return the routes of the incidents."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(context.guard.viewer)]
    operator = Annotated[Session, Depends(context.guard.operator)]

    @router.get("/incidents")
    async def listing(
        request: Request,
        _: viewer,
        state: str = "open",
        severity: str = "",
        q: Annotated[str, Query(max_length=200)] = "",
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> HTMLResponse:
        which = _filter(state, severity, q)
        found = await desk.list_incidents(context.store, which, before=before, limit=PAGE)
        return await context.page(
            request,
            "incidents.html",
            found=found,
            state=state,
            severity=severity,
            q=q,
            severities=list(Severity),
        )

    @router.get("/incidents/{incident_id}")
    async def one(request: Request, incident_id: str, _: viewer) -> HTMLResponse:
        return await _page(context, request, incident_id)

    @router.post("/incidents/{incident_id}/{act}")
    async def act(
        request: Request, incident_id: str, act: str, session: operator, fields: Fields
    ) -> Response:
        return await _act(context, request, incident_id, act, by=session.user, fields=fields)

    return router


async def _act(
    context: Context,
    request: Request,
    incident_id: str,
    act: str,
    *,
    by: str,
    fields: Mapping[str, str],
) -> Response:
    chosen = ACTS.get(act)
    if chosen is None:
        raise HTTPException(404, "There is no such act.")
    note = fields.get("note", "").strip()
    if act == "note" and not note:
        return await _page(context, request, incident_id, error="Write a note first.")
    try:
        await chosen(
            context.store,
            incident_id,
            by=by,
            source_id=fields.get("press", "")[:64] or secrets.token_hex(8),
            now=context.now(),
            note=note,
        )
    except desk.ActRefusedError as refused:
        return await _page(context, request, incident_id, error=str(refused), status=409)
    await context.heart.again()
    return RedirectResponse(f"/incidents/{incident_id}", 303)


def _filter(state: str, severity: str, q: str) -> IncidentFilter:
    states = frozenset[IncidentState]()
    if state == "open":
        states = frozenset(IncidentState) - {IncidentState.RESOLVED}
    elif state in set(IncidentState):
        states = frozenset({IncidentState(state)})
    severities = frozenset({Severity(severity)}) if severity in set(Severity) else frozenset()
    return IncidentFilter(states=states, severities=severities, text=q.strip())


async def _page(
    context: Context, request: Request, incident_id: str, *, error: str = "", status: int = 200
) -> HTMLResponse:
    view = await desk.get_incident(context.store, incident_id)
    if view is None:
        raise HTTPException(404, "There is no such incident.")
    graphs = await _graphs(context, view)
    names = {alert.name for alert in view.alerts}
    return await context.page(
        request,
        "incident.html",
        status=status,
        view=view,
        incident=view.incident,
        board=_board([panel for panel, _ in graphs]),
        frames={frame.panel: frame for _, frame in graphs},
        specs={panel.id: _spec(panel, view.incident) for panel, _ in graphs},
        drawn={
            frame.panel: {
                "panel": frame.panel,
                "state": frame.state,
                "at": frame.at,
                "body": frame.body,
            }
            for _, frame in graphs
        },
        runbooks=[context.rules[name] for name in sorted(names) if name in context.rules],
        press=secrets.token_hex(8),
        error=error,
        steps=_steps(view.incident),
    )


def _board(panels: list[Panel]) -> Board:
    return Board("incident", "Incident", "", 15, (Section("The graph", tuple(panels)),), "")


async def _graphs(context: Context, view: IncidentView) -> list[tuple[Panel, Frame]]:
    """Draw the alerts' own quantities around the event, each quantity once."""
    incident = view.incident
    start = (incident.began_at - BEFORE).timestamp()
    end = min((incident.resolved_at or context.now()) + BEFORE, context.now()).timestamp()
    end = min(end, start + 24 * 3600)
    drawn: list[tuple[Panel, Frame]] = []
    seen: set[str] = set()
    for alert in view.alerts:
        query = alert.annotations.get("query", "")
        if query and query not in seen and len(drawn) < MOST_GRAPHS:
            seen.add(query)
            panel = _panel(len(drawn), alert, query)
            frame = await context.hub.history(_board([panel]), panel, start, max(end, start + 60))
            drawn.append((panel, frame))
    return drawn


def _panel(index: int, alert: Alert, query: str) -> Panel:
    notes = alert.annotations
    unit = Unit(notes["unit"]) if notes.get("unit") in set(Unit) else Unit.COUNT
    limits: tuple[Threshold, ...] = ()
    with suppress(ValueError):
        limits = (
            Threshold(float(notes.get("threshold", "")), Level.CRITICAL, "the alert's limit"),
        )
    return Panel(
        f"graph-{index}",
        alert.name,
        PanelKind.TIMESERIES,
        (PanelQuery(text(query)),),
        unit,
        notes.get("summary", ""),
        (),
        "Prometheus holds no values of this quantity for that time.",
        thresholds=limits,
        width=12,
        floor=None,
    )


def _spec(panel: Panel, incident: Incident) -> dict[str, Any]:
    marks = [(incident.began_at, "began"), (incident.resolved_at, "resolved")]
    return {
        "kind": panel.kind,
        "unit": panel.unit,
        "decimals": None,
        "stacked": False,
        "floor": None,
        "every": 0,
        "all": True,
        "marks": [{"at": at.timestamp(), "word": word} for at, word in marks if at],
        "thresholds": [
            {
                "limit": t.limit,
                "level": t.level,
                "text": str(units.figure(t.limit, panel.unit)),
                "meaning": t.meaning,
                "below": t.below,
            }
            for t in panel.thresholds
        ],
    }


def _steps(incident: Incident) -> list[tuple[str, datetime | None, str]]:
    """Return the times of the response, each with how long after the beginning it came."""
    begun = incident.began_at
    steps = [
        ("Began", begun),
        ("Detected", incident.detected_at),
        ("Paged", incident.paged_at),
        ("Delivered", incident.delivered_at),
        ("Acknowledged", incident.acknowledged_at),
        ("Mitigated", incident.mitigated_at),
        ("Resolved", incident.resolved_at),
    ]
    return [
        (name, at, f"+{units.span((at - begun).total_seconds())}" if at and at > begun else "")
        for name, at in steps
    ]
