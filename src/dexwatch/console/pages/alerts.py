"""Alerts: what fires now, what is muted and by what, and what is about to fire."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.console.live.pulse import Problem, problems_of
from dexwatch.signals.severity import Severity
from dexwatch.sources.http import SourceError
from dexwatch.sources.prometheus import ActiveAlert


def build(context: Context) -> APIRouter:
    """Return the route of the alerts page."""
    router = APIRouter()

    @router.get("/alerts")
    async def alerts(
        request: Request,
        _: Annotated[Session, Depends(context.guard.viewer)],
        severity: str = "",
    ) -> HTMLResponse:
        error = ""
        active: Sequence[ActiveAlert] = ()
        try:
            active = await context.prometheus.alerts()
        except SourceError as failure:
            error = f"Prometheus does not answer: {failure}"
        pulse = await context.heart.pulse()
        wanted = severity if severity in set(Severity) else ""
        firing = [one for one in pulse.problems if wanted in {"", one.severity.value}]
        return await context.page(
            request,
            "alerts.html",
            loud=[one for one in firing if not one.muted],
            muted=[one for one in firing if one.muted],
            pending=_pending(active, wanted),
            severities=list(Severity),
            wanted=wanted,
            error=error,
        )

    return router


def _pending(active: Sequence[ActiveAlert], wanted: str) -> list[Problem]:
    waiting = [
        ActiveAlert(one.labels, one.annotations, "firing", one.since, one.value)
        for one in active
        if one.state == "pending" and wanted in {"", one.labels.get("severity")}
    ]
    return list(problems_of(waiting, ()))
