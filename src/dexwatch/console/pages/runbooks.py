"""Runbooks: what to do about each alert, written with the rule itself."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.guard import Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.layout import Pages
from dexwatch.console.live.poller import HealthPoller
from dexwatch.rules.rule import AlertRule


def build(
    pages: Pages, guard: Guard, health: HealthPoller, *, rules: Mapping[str, AlertRule]
) -> APIRouter:
    """Return the routes of the runbooks."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(guard.viewer)]

    @router.get("/runbooks")
    async def listing(request: Request, _: viewer) -> HTMLResponse:
        listed = sorted(rules.values(), key=lambda one: (one.severity.value, one.id))
        return await pages.page(request, "runbooks.html", rules=listed)

    @router.get("/runbooks/{rule_id}")
    async def one(request: Request, rule_id: str, _: viewer) -> HTMLResponse:
        rule = rules.get(rule_id)
        if rule is None:
            raise HTTPException(404, "There is no such rule, so there is no runbook.")
        summary = await health.summary()
        firing = [alert for alert in summary.alerts if alert.name == rule_id]
        return await pages.page(request, "runbook.html", rule=rule, firing=firing)

    return router
