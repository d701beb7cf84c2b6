"""Alerts: what fires now, what is muted and by what, and what is about to fire."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.console.live.pulse import Problem
from dexwatch.metrics.severity import Severity


def build(context: Context) -> APIRouter:
    """Return the route of the alerts page."""
    router = APIRouter()

    @router.get("/alerts")
    async def alerts(
        request: Request,
        _: Annotated[Session, Depends(context.guard.viewer)],
        severity: str = "",
    ) -> HTMLResponse:
        pulse = await context.heart.pulse()
        wanted = severity if severity in set(Severity) else ""

        def chosen(problems: Iterable[Problem]) -> list[Problem]:
            return [one for one in problems if wanted in {"", one.severity.value}]

        firing = chosen(pulse.problems)
        return await context.page(
            request,
            "alerts.html",
            loud=[one for one in firing if not one.muted],
            muted=[one for one in firing if one.muted],
            pending=chosen(pulse.pending),
            severities=list(Severity),
            wanted=wanted,
            error="; ".join(pulse.blind),
        )

    return router
