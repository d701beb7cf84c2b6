"""Targets: what is scraped, and whether that fails."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import Target
from dexwatch.console.access.guard import Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.layout import Pages
from dexwatch.console.live.alerts import moment
from dexwatch.console.protocols import Prometheus


def build(pages: Pages, guard: Guard, prometheus: Prometheus) -> APIRouter:
    """Return the route of the targets."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(guard.viewer)]

    @router.get("/targets")
    async def targets(request: Request, _: viewer) -> HTMLResponse:
        found: Sequence[Target] = ()
        error = ""
        try:
            found = await prometheus.targets()
        except SourceError as failure:
            error = f"Prometheus does not answer: {failure}"
        rows = sorted(found, key=lambda one: (one.health == "up", one.job, one.url))
        return await pages.page(
            request,
            "targets.html",
            rows=[_target(one) for one in rows],
            down=sum(one.health == "down" for one in found),
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
