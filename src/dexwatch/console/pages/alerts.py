"""Alerts: what fires now by any source, what is muted and by what, and what is about to fire."""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.live.alerts import FiringAlert
from dexwatch.console.services import Console, Viewer
from dexwatch.metrics.severity import Severity

router = APIRouter()


@router.get("/alerts")
async def alerts(
    console: Console,
    request: Request,
    _: Viewer,
    severity: str = "",
    source: str = "",
) -> HTMLResponse:
    """Show what fires, what is muted and what is about to fire."""
    summary = await console.health.summary()
    wanted = severity if severity in set(Severity) else ""
    sources = sorted({one.source for one in summary.alerts})
    by = source if source in sources else ""

    def chosen(found: Iterable[FiringAlert]) -> list[FiringAlert]:
        return [
            one for one in found if wanted in {"", one.severity.value} and by in {"", one.source}
        ]

    firing = chosen(summary.alerts)
    return await console.pages.page(
        request,
        "alerts.html",
        rules=console.rules,
        loud=[one for one in firing if not one.muted],
        muted=[one for one in firing if one.muted],
        pending=chosen(summary.pending),
        severities=list(Severity),
        wanted=wanted,
        sources=sources if len(sources) > 1 else [],
        by=by,
        unseen="; ".join((*summary.unseen, *summary.disagreements)),
    )
