"""Targets and rules: what is scraped, what is judged, and whether either fails."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import RuleGroup, RuleState, Target
from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.console.live.pulse import moment


def build(context: Context) -> APIRouter:
    """Return the routes of targets and rules."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(context.guard.viewer)]

    @router.get("/targets")
    async def targets(request: Request, _: viewer) -> HTMLResponse:
        found: Sequence[Target] = ()
        error = ""
        try:
            found = await context.prometheus.targets()
        except SourceError as failure:
            error = f"Prometheus does not answer: {failure}"
        rows = sorted(found, key=lambda one: (one.health == "up", one.job, one.url))
        return await context.page(
            request,
            "targets.html",
            rows=[_target(one) for one in rows],
            down=sum(one.health == "down" for one in found),
            error=error,
        )

    @router.get("/rules")
    async def rules(request: Request, _: viewer) -> HTMLResponse:
        groups: Sequence[RuleGroup] = ()
        error = ""
        try:
            groups = await context.prometheus.rules()
        except SourceError as failure:
            error = f"Prometheus does not answer: {failure}"
        everything = [rule for group in groups for rule in group.rules]
        alerts = [rule for rule in everything if rule.kind == "alerting"]
        return await context.page(
            request,
            "rules.html",
            groups=[
                {"name": group.name, "every": group.interval_seconds, "rules": _rules(group)}
                for group in groups
            ],
            total=len(alerts),
            recordings=len(everything) - len(alerts),
            ill=sum(rule.health == "err" for rule in everything),
            error=error,
        )

    return router


def _target(target: Target) -> dict[str, Any]:
    hidden = {"job", "instance", "alerting", "__name__"}
    labels = {key: text for key, text in target.labels.items() if key not in hidden}
    return {
        "job": target.job,
        "instance": target.labels.get("instance", ""),
        "labels": labels,
        "silent": target.labels.get("alerting") == "off",
        "health": target.health,
        "error": target.last_error,
        "scraped": moment(target.last_scrape),
        "took": target.scrape_seconds,
    }


def _rules(group: RuleGroup) -> list[dict[str, Any]]:
    order = {"firing": 0, "pending": 1, "inactive": 2, "": 3}
    rows = sorted(group.rules, key=lambda one: (order.get(one.state, 4), one.name))
    return [_rule(rule) for rule in rows]


def _rule(rule: RuleState) -> dict[str, Any]:
    return {
        "name": rule.name,
        "alerting": rule.kind == "alerting",
        "severity": rule.labels.get("severity", ""),
        "state": rule.state,
        "health": rule.health,
        "error": rule.last_error,
        "query": rule.query,
        "hold": rule.hold_seconds,
        "evaluated": moment(rule.evaluated),
        "took": rule.evaluation_seconds,
        "firing": sum(alert.state == "firing" for alert in rule.alerts),
    }
