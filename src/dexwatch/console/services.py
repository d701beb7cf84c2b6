"""What the pages answer from, as FastAPI dependencies: `Console`, `Viewer` and `Operator`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from dexwatch.console.access.guard import Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.layout import Pages
from dexwatch.console.live.histories import Histories
from dexwatch.console.live.panels import LivePanels
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.protocols import Alertmanager, Now, Prometheus
from dexwatch.response.store import Store
from dexwatch.rules.rule import AlertRule


@dataclass(frozen=True, kw_only=True)
class Services:
    """All that one console's pages have in common; the application's state holds it."""

    pages: Pages
    guard: Guard
    store: Store
    prometheus: Prometheus
    alertmanager: Alertmanager
    panels: LivePanels
    histories: Histories
    health: HealthPoller
    rules: Mapping[str, AlertRule]
    """By id."""
    now: Now


def services(request: Request) -> Services:
    """Return what the console's pages have in common."""
    found: Services = request.app.state.services
    return found


Console = Annotated[Services, Depends(services)]


async def viewer(request: Request, console: Console) -> Session:
    """Require a session."""
    return await console.guard.viewer(request)


async def operator(request: Request, console: Console) -> Session:
    """Require a session of an operator, and a form that was made for it."""
    return await console.guard.operator(request)


Viewer = Annotated[Session, Depends(viewer)]
Operator = Annotated[Session, Depends(operator)]
