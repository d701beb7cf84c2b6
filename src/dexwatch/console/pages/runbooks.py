"""Runbooks: what to do about each alert, written with the rule itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context


def build(context: Context) -> APIRouter:
    """Return the routes of the runbooks."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(context.guard.viewer)]

    @router.get("/runbooks")
    async def listing(request: Request, _: viewer) -> HTMLResponse:
        rules = sorted(context.rules.values(), key=lambda one: (one.severity.value, one.id))
        return await context.page(request, "runbooks.html", rules=rules)

    @router.get("/runbooks/{rule_id}")
    async def one(request: Request, rule_id: str, _: viewer) -> HTMLResponse:
        rule = context.rules.get(rule_id)
        if rule is None:
            raise HTTPException(404, "There is no such rule, so there is no runbook.")
        pulse = await context.heart.pulse()
        firing = [problem for problem in pulse.problems if problem.name == rule_id]
        return await context.page(request, "runbook.html", rule=rule, firing=firing)

    return router
