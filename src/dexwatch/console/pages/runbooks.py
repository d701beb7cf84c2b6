"""Runbooks: what to do about each alert, written with the rule itself."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.services import Console, Viewer

router = APIRouter()


@router.get("/runbooks")
async def listing(console: Console, request: Request, _: Viewer) -> HTMLResponse:
    """List the runbooks, the gravest first."""
    listed = sorted(console.rules.values(), key=lambda one: (one.severity.value, one.id))
    return await console.pages.page(request, "runbooks.html", rules=listed)


@router.get("/runbooks/{rule_id}")
async def one(console: Console, request: Request, rule_id: str, _: Viewer) -> HTMLResponse:
    """Show a rule's runbook, and where it fires."""
    rule = console.rules.get(rule_id)
    if rule is None:
        raise HTTPException(404, "There is no such rule, so there is no runbook.")
    summary = await console.health.summary()
    firing = [alert for alert in summary.alerts if alert.name == rule_id]
    return await console.pages.page(request, "runbook.html", rule=rule, firing=firing)
