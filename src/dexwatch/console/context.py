"""What all pages share, and how a page is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.guard import Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.access.throttle import Throttle
from dexwatch.console.access.users import Users
from dexwatch.console.config import ConsoleConfig
from dexwatch.console.live.heart import Heart
from dexwatch.console.live.hub import Hub
from dexwatch.console.protocols import Alertmanager, Now, Prometheus
from dexwatch.console.view import View
from dexwatch.dashboards.registry import BOARDS
from dexwatch.response.store import Store
from dexwatch.rules.rule import AlertRule


@dataclass(frozen=True)
class Context:
    """The console's parts; `rules` gives the runbooks by rule id."""

    config: ConsoleConfig
    platform: str
    store: Store
    prometheus: Prometheus
    alertmanager: Alertmanager
    rules: Mapping[str, AlertRule]
    hub: Hub
    heart: Heart
    guard: Guard
    users: Users
    throttle: Throttle
    view: View
    now: Now

    async def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Answer with a full page: frame, banner, and the template's content."""
        session = await self.guard.session(request)
        pulse = await self.heart.pulse() if session else None
        text = self.view.text(
            template, {**self.frame(session), "path": request.url.path, "pulse": pulse, **values}
        )
        return HTMLResponse(text, status_code=status)

    def frame(self, session: Session | None) -> dict[str, Any]:
        """Return what the frame around every page needs."""
        return {
            "session": session,
            "boards": BOARDS,
            "sample": self.config.sample_control,
            "stream": "/stream",
        }
