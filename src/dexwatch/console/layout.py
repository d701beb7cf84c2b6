"""The layout around every page: menu, banner, keys; and how a full page is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from dexwatch.console.access.guard import Guard
from dexwatch.console.config import SampleControlConfig
from dexwatch.console.live.health import HealthSummary
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.live.subscription import Message
from dexwatch.console.rendering import Renderer
from dexwatch.dashboards.registry import BOARDS


@dataclass(frozen=True)
class NavLink:
    """A link of the menu; `g` and then its key follows it, too."""

    key: str
    title: str
    address: str
    count: str = ""
    """The live part beside it, by its event, that says how many there are."""


RESPOND = (
    NavLink("a", "Alerts", "/alerts", "alert-count"),
    NavLink("n", "Incidents", "/incidents", "incident-count"),
    NavLink("s", "Silences", "/silences"),
)
LOOK_INTO = (
    NavLink("e", "Targets", "/targets"),
    NavLink("r", "Rules", "/rules"),
    NavLink("k", "Runbooks", "/runbooks"),
)
LIVE_PARTS = ("banner", "status", *(link.count for link in RESPOND if link.count))
"""Events of the stream; each replaces the part whose template has its name."""


def board_links() -> tuple[NavLink, ...]:
    """Return the boards; each key is the first free initial of the title, or another letter."""
    taken = {"g", *(link.key for link in (*RESPOND, *LOOK_INTO))}
    found = []
    for board in BOARDS:
        initials = "".join(word[0] for word in board.title.split())
        letters = filter(str.isalpha, (initials + board.title).lower())
        key = next((letter for letter in letters if letter not in taken), "")
        taken.add(key)
        found.append(NavLink(key, board.title, board_address(board.id)))
    return tuple(found)


def board_address(board_id: str) -> str:
    """Return a board's address; the first board is the home page."""
    return "/" if board_id == BOARDS[0].id else f"/boards/{board_id}"


class Pages:
    """Answers with full pages."""

    def __init__(
        self,
        guard: Guard,
        health: HealthPoller,
        renderer: Renderer,
        *,
        sample: SampleControlConfig | None = None,
    ) -> None:
        self._guard, self._health, self._sample = guard, health, sample
        self._boards = board_links()
        self.renderer = renderer

    async def page(
        self, request: Request, template: str, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Answer with a full page: layout, banner, and the template's content."""
        session = await self._guard.session(request)
        around: Mapping[str, Any] = {
            "session": session,
            "boards": self._boards,
            "respond": RESPOND,
            "look_into": LOOK_INTO,
            "links": (*self._boards, *RESPOND, *LOOK_INTO),
            "sample": self._sample,
            "stream": "/stream",
            "path": request.url.path,
            "health": await self._health.summary() if session else None,
        }
        text = self.renderer.text(template, {**around, **values})
        return HTMLResponse(text, status_code=status)


def live_parts(renderer: Renderer, health: HealthSummary) -> Sequence[Message]:
    """Write the layout's parts that move, and tell pages whose lists have changed to ask again."""
    parts = []
    for event in LIVE_PARTS:
        text = renderer.text(f"parts/{event}.html", {"health": health})
        parts.append(Message(f"layout/{event}", event, text, hash(text)))
    changed = Message("layout/changed", "changed", str(health.revision), health.change)
    return (*parts, changed)
