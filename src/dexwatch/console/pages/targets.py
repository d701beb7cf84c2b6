"""Targets: what is scraped, and whether that fails."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import Target
from dexwatch.console.live.alerts import moment
from dexwatch.console.services import Console, Viewer

router = APIRouter()


@router.get("/targets")
async def targets(console: Console, request: Request, _: Viewer) -> HTMLResponse:
    """Show what is scraped, what fails first."""
    found: Sequence[Target] = ()
    error = ""
    try:
        found = await console.prometheus.targets()
    except SourceError as failure:
        error = f"Prometheus does not answer: {failure}"
    rows = sorted(found, key=lambda one: (one.health == "up", one.job, one.url))
    return await console.pages.page(
        request,
        "targets.html",
        rows=[_target(one) for one in rows],
        down=sum(one.health == "down" for one in found),
        error=error,
    )


def _target(target: Target) -> dict[str, Any]:
    hidden = {"job", "instance", "alerting", "__name__"}
    labels = {key: text for key, text in target.labels.items() if key not in hidden}
    return {
        "job": target.job,
        "instance": target.labels.get("instance", ""),
        "labels": labels,
        "silent": target.silent,
        "health": target.health,
        "error": target.last_error,
        "scraped": moment(target.last_scrape),
        "took": target.scrape_seconds,
    }
