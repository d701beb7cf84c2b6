"""Incidents: the list, and the page on which an engineer understands one and answers it."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.console.access.guard import Fields
from dexwatch.console.access.sessions import Session
from dexwatch.console.live.panel_data import PanelData
from dexwatch.console.panel_specs import panel_bodies, panel_spec
from dexwatch.console.services import Console, Operator, Viewer
from dexwatch.dashboards.board import Board, Level, Panel, Section, Threshold
from dexwatch.dashboards.board import Query as PanelQuery
from dexwatch.incidents.events import (
    Acknowledged,
    ActionEvent,
    ManuallyResolved,
    NoteAdded,
    Reopened,
)
from dexwatch.incidents.records import Alert, Incident, IncidentState
from dexwatch.metrics import units
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.severity import Severity
from dexwatch.response.actions import ActionRejectedError, act
from dexwatch.response.messaging.chart import Quantity, quantity_of
from dexwatch.response.views import IncidentFilter, IncidentView

router = APIRouter()

PAGE = 50
BEFORE = timedelta(minutes=10)
"""How much of the time before the event the graph shows, and as much after it."""
MOST_GRAPHS = 3
ACTIONS: Mapping[str, type[ActionEvent]] = {
    "acknowledge": Acknowledged,
    "resolve": ManuallyResolved,
    "reopen": Reopened,
    "note": NoteAdded,
}


@router.get("/incidents")
async def listing(
    console: Console,
    request: Request,
    *,
    _: Viewer,
    state: str = "open",
    severity: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> HTMLResponse:
    """List incidents, the newest first, a page at a time."""
    which = _filter(state, severity, q)
    found = await console.store.incidents(which, before=before, limit=PAGE)
    return await console.pages.page(
        request,
        "incidents.html",
        found=found,
        state=state,
        severity=severity,
        q=q,
        severities=list(Severity),
    )


@router.get("/incidents/{incident_id}")
async def one(
    console: Console, request: Request, incident_id: str, session: Viewer
) -> HTMLResponse:
    """Show one incident."""
    return await _page(console, request, incident_id, session=session)


@router.post("/incidents/{incident_id}/{action}")
async def perform(
    console: Console,
    request: Request,
    *,
    incident_id: str,
    action: str,
    session: Operator,
    fields: Fields,
) -> Response:
    """Do what an engineer asks of an incident, or say on its page why not."""
    chosen = ACTIONS.get(action)
    if chosen is None:
        raise HTTPException(404, "There is no such action.")
    note = fields.get("note", "").strip()
    if action == "note" and not note:
        return await _page(
            console, request, incident_id, session=session, error="Write a note first."
        )
    source_id = fields.get("idempotency_key", "")[:64] or secrets.token_hex(8)
    try:
        await act(console.store, chosen(incident_id, session.user, source_id, note), console.now())
    except ActionRejectedError as refused:
        error = str(refused)
        return await _page(console, request, incident_id, session=session, error=error, status=409)
    await console.health.poll()
    return RedirectResponse(f"/incidents/{incident_id}", 303)


async def _page(
    console: Console,
    request: Request,
    incident_id: str,
    *,
    session: Session,
    error: str = "",
    status: int = 200,
) -> HTMLResponse:
    """Show one incident: its story, evidence, graphs and runbooks."""
    view = await console.store.incident(incident_id)
    if view is None:
        raise HTTPException(404, "There is no such incident.")
    graphs = await _graphs(console, view, session)
    names = {alert.name for alert in view.alerts}
    return await console.pages.page(
        request,
        "incident.html",
        status=status,
        view=view,
        incident=view.incident,
        board=_board([panel for panel, _ in graphs]),
        data={one.panel: one for _, one in graphs},
        specs={panel.id: _spec(panel, view.incident) for panel, _ in graphs},
        bodies=panel_bodies(one for _, one in graphs),
        runbooks=[console.rules[name] for name in sorted(names) if name in console.rules],
        idempotency_key=secrets.token_hex(8),
        error=error,
        steps=_steps(view.incident),
    )


async def _graphs(
    console: Console, view: IncidentView, session: Session
) -> list[tuple[Panel, PanelData]]:
    """Draw the alerts' own quantities around the event, each quantity once."""
    incident, now = view.incident, console.now()
    start = (incident.began_at - BEFORE).timestamp()
    end = min((incident.resolved_at or now) + BEFORE, now).timestamp()
    end = max(min(end, start + 24 * 3600), start + 60)
    drawn: list[tuple[Panel, PanelData]] = []
    seen: set[str] = set()
    for alert in view.alerts:
        quantity = quantity_of(alert)
        if quantity and quantity.query not in seen and len(drawn) < MOST_GRAPHS:
            seen.add(quantity.query)
            panel = _panel(len(drawn), alert, quantity)
            drawn.append(
                (
                    panel,
                    await console.histories.panel(
                        _board([panel]), panel, start, end, session=session.form_token
                    ),
                )
            )
    return drawn


def _filter(state: str, severity: str, q: str) -> IncidentFilter:
    states = frozenset[IncidentState]()
    if state == "open":
        states = frozenset(IncidentState) - {IncidentState.RESOLVED}
    elif state in set(IncidentState):
        states = frozenset({IncidentState(state)})
    severities = frozenset({Severity(severity)}) if severity in set(Severity) else frozenset()
    return IncidentFilter(states=states, severities=severities, text=q.strip())


def _board(panels: list[Panel]) -> Board:
    return Board("incident", "Incident", "", 15, (Section("The graph", tuple(panels)),), "")


def _panel(index: int, alert: Alert, quantity: Quantity) -> Panel:
    unit = Unit(quantity.unit) if quantity.unit in set(Unit) else Unit.COUNT
    limits: tuple[Threshold, ...] = ()
    if quantity.threshold is not None:
        limits = (Threshold(quantity.threshold, Level.CRITICAL, "the alert's limit"),)
    return Panel(
        f"graph-{index}",
        alert.name,
        (PanelQuery(quantity.query),),
        unit,
        alert.annotations.get("summary", ""),
        (),
        empty="Prometheus holds no values of this quantity for that time.",
        thresholds=limits,
        width=12,
        floor=None,
    )


def _spec(panel: Panel, incident: Incident) -> dict[str, Any]:
    marks = [(incident.began_at, "began"), (incident.resolved_at, "resolved")]
    shown = [{"at": at.timestamp(), "word": word} for at, word in marks if at]
    return panel_spec(panel, every=0, all=True, marks=shown)


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
        (
            name,
            at,
            f"+{units.span((at - begun).total_seconds())}" if at and at > begun else "",
        )
        for name, at in steps
    ]
