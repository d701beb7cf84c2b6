"""The sample's scenarios: buttons that break the sample exchange in known ways, and mend it."""

import re
from typing import Any

import httpx
import orjson
import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dexwatch.clients.unreachable import why
from dexwatch.console.config import SampleControlConfig
from dexwatch.console.layout import Pages
from dexwatch.console.services import Operator, Viewer

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 20.0
"""A scenario may have to wait for a program to start."""
MOST_BYTES = 1_000_000
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")


class ControlError(Exception):
    """The control API did not do what was asked; the text may be shown."""


class SampleControl:
    """Talks to the sample's control API."""

    def __init__(self, config: SampleControlConfig) -> None:
        self._client = httpx.AsyncClient(
            base_url=config.url,
            headers={"Authorization": f"Bearer {config.token.get_secret_value()}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    async def scenarios(self) -> list[dict[str, Any]]:
        """List the scenarios: name, title, story, state, raises."""
        answer = await self._ask("GET", "/scenarios")
        rows = answer.get("scenarios") if isinstance(answer, dict) else answer
        if not isinstance(rows, list):
            raise ControlError("The sample's answer is not a list of scenarios.")
        return [_scenario(row) for row in rows if isinstance(row, dict)]

    async def perform(self, name: str, action: str) -> None:
        """Start or stop a scenario."""
        await self._ask("POST", f"/scenarios/{name}/{action}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str) -> Any:  # noqa: ANN401 - checked by callers.
        try:
            reply = await self._client.request(method, path)
            if reply.status_code >= 400:
                raise ControlError(f"The sample answered {reply.status_code}: {reply.text[:200]}")
            return orjson.loads(reply.content) if reply.content[:MOST_BYTES].strip() else {}
        except (httpx.HTTPError, ValueError) as error:
            raise ControlError(f"The sample does not answer: {why(error)}") from None


def build(pages: Pages, control: SampleControl) -> APIRouter:
    """Return the routes of the sample page."""
    router = APIRouter()

    @router.get("/sample")
    async def page(request: Request, _: Viewer) -> HTMLResponse:
        error, scenarios = "", list[dict[str, Any]]()
        try:
            scenarios = await control.scenarios()
        except ControlError as failure:
            error = str(failure)
        return await pages.page(request, "sample.html", scenarios=scenarios, error=error)

    @router.post("/sample/{name}/{action}")
    async def perform(name: str, action: str, session: Operator) -> Response:
        if action not in {"start", "stop"} or not _NAME.match(name):
            raise HTTPException(404, "There is no such scenario.")
        try:
            await control.perform(name, action)
        except ControlError as failure:
            raise HTTPException(502, str(failure)) from None
        log.info("scenario", user=session.user, scenario=name, action=action)
        return RedirectResponse("/sample", 303)

    return router


def _scenario(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": str(row.get("name", "")),
        "title": str(row.get("title", "")),
        "story": str(row.get("story", "")),
        "running": str(row.get("state", "")) in {"running", "started", "active", "on"},
        "begins_in": begins_in if isinstance(begins_in := row.get("begins_in"), int) else 0,
        "raises": _names(row.get("raises")),
        "also": _names(row.get("also")),
    }


def _names(listed: object) -> list[str]:
    return [str(one) for one in listed] if isinstance(listed, list) else []
