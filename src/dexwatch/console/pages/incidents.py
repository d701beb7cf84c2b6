"""Incidents: the list, and the page on which an engineer understands one and answers it."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.console.access.guard import Fields, Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.layout import Pages
from dexwatch.console.live.histories import Histories
from dexwatch.console.live.panel_data import PanelData
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.panel_specs import panel_bodies, panel_spec
from dexwatch.console.protocols import Now
from dexwatch.dashboards.board import Board, Level, Panel, PanelKind, Section, Threshold
from dexwatch.dashboards.board import Query as PanelQuery
from dexwatch.dashboards.queries import text
from dexwatch.incidents.records import Alert, Incident, IncidentState
from dexwatch.metrics import units
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.severity import Severity
from dexwatch.response import actions
from dexwatch.response.store import Store
from dexwatch.response.views import IncidentFilter, IncidentView
from dexwatch.rules.rule import AlertRule

PAGE = 50
BEFORE = timedelta(minutes=10)
"""How much of the time before the event the graph shows, and as much after it."""
MOST_GRAPHS = 3
ACTIONS = {
    "acknowledge": actions.acknowledge,
    "resolve": actions.resolve,
    "reopen": actions.reopen,
    "note": actions.add_note,
}


def build(
    pages: Pages,
    guard: Guard,
    store: Store,
    histories: Histories,
    health: HealthPoller,
    *,
    rules: Mapping[str, AlertRule],
    now: Now,
) -> APIRouter:
    """Return the routes of the incidents."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(guard.viewer)]
    operator = Annotated[Session, Depends(guard.operator)]
    shown = _IncidentPage(pages, store, histories, rules=rules, now=now)

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
        found = await actions.list_incidents(store, which, before=before, limit=PAGE)
        return await pages.page(
            request,
            "incidents.html",
            found=found,
            state=state,
            severity=severity,
            q=q,
            severities=list(Severity),
        )

    @router.get("/incidents/{incident_id}")
    async def one(request: Request, incident_id: str, session: viewer) -> HTMLResponse:
        return await shown(request, incident_id, session=session)

    @router.post("/incidents/{incident_id}/{action}")
    async def perform(
        request: Request, incident_id: str, action: str, session: operator, fields: Fields
    ) -> Response:
        chosen = ACTIONS.get(action)
        if chosen is None:
            raise HTTPException(404, "There is no such action.")
        note = fields.get("note", "").strip()
        if action == "note" and not note:
            return await shown(request, incident_id, session=session, error="Write a note first.")
        try:
            await chosen(
                store,
                incident_id,
                by=session.user,
                source_id=fields.get("idempotency_key", "")[:64] or secrets.token_hex(8),
                now=now(),
                note=note,
            )
        except actions.ActionRejectedError as refused:
            error = str(refused)
            return await shown(request, incident_id, session=session, error=error, status=409)
        await health.poll()
        return RedirectResponse(f"/incidents/{incident_id}", 303)

    return router


class _IncidentPage:
    """One incident's page: its story, evidence, graphs and runbooks."""

    def __init__(
        self,
        pages: Pages,
        store: Store,
        histories: Histories,
        *,
        rules: Mapping[str, AlertRule],
        now: Now,
    ) -> None:
        self._pages, self._store, self._histories = pages, store, histories
        self._rules, self._now = rules, now

    async def __call__(
        self,
        request: Request,
        incident_id: str,
        *,
        session: Session,
        error: str = "",
        status: int = 200,
    ) -> HTMLResponse:
        view = await actions.get_incident(self._store, incident_id)
        if view is None:
            raise HTTPException(404, "There is no such incident.")
        graphs = await self._graphs(view, session)
        names = {alert.name for alert in view.alerts}
        return await self._pages.page(
            request,
            "incident.html",
            status=status,
            view=view,
            incident=view.incident,
            board=_board([panel for panel, _ in graphs]),
            data={one.panel: one for _, one in graphs},
            specs={panel.id: _spec(panel, view.incident) for panel, _ in graphs},
            bodies=panel_bodies(one for _, one in graphs),
            runbooks=[self._rules[name] for name in sorted(names) if name in self._rules],
            idempotency_key=secrets.token_hex(8),
            error=error,
            steps=_steps(view.incident),
        )

    async def _graphs(self, view: IncidentView, session: Session) -> list[tuple[Panel, PanelData]]:
        """Draw the alerts' own quantities around the event, each quantity once."""
        incident, now = view.incident, self._now()
        start = (incident.began_at - BEFORE).timestamp()
        end = min((incident.resolved_at or now) + BEFORE, now).timestamp()
        end = max(min(end, start + 24 * 3600), start + 60)
        drawn: list[tuple[Panel, PanelData]] = []
        seen: set[str] = set()
        for alert in view.alerts:
            query = alert.annotations.get("query", "")
            if query and query not in seen and len(drawn) < MOST_GRAPHS:
                seen.add(query)
                panel = _panel(len(drawn), alert, query)
                drawn.append(
                    (
                        panel,
                        await self._histories.panel(
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
