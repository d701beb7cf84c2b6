"""Alerts: what fires now by any source, what is muted and by what, and what is about to fire."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.guard import Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.layout import Pages
from dexwatch.console.live.alerts import FiringAlert
from dexwatch.console.live.poller import HealthPoller
from dexwatch.metrics.severity import Severity


def build(pages: Pages, guard: Guard, health: HealthPoller) -> APIRouter:
    """Return the route of the alerts page."""
    router = APIRouter()

    @router.get("/alerts")
    async def alerts(
        request: Request,
        _: Annotated[Session, Depends(guard.viewer)],
        severity: str = "",
        source: str = "",
    ) -> HTMLResponse:
        summary = await health.summary()
        wanted = severity if severity in set(Severity) else ""
        sources = sorted({one.source for one in summary.alerts})
        by = source if source in sources else ""

        def chosen(found: Iterable[FiringAlert]) -> list[FiringAlert]:
            return [
                one
                for one in found
                if wanted in {"", one.severity.value} and by in {"", one.source}
            ]

        firing = chosen(summary.alerts)
        return await pages.page(
            request,
            "alerts.html",
            loud=[one for one in firing if not one.muted],
            muted=[one for one in firing if one.muted],
            pending=chosen(summary.pending),
            severities=list(Severity),
            wanted=wanted,
            sources=sources if len(sources) > 1 else [],
            by=by,
            unseen="; ".join((*summary.blind, *summary.disagreements)),
        )

    return router
