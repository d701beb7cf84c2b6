"""The boards: System Overview is the home page; history is asked for by zooming."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from dexwatch.console.access.guard import Guard
from dexwatch.console.access.sessions import Session
from dexwatch.console.layout import Pages
from dexwatch.console.live.histories import Histories
from dexwatch.console.live.panel_data import PanelData
from dexwatch.console.live.panels import LivePanels
from dexwatch.console.live.poller import HealthPoller
from dexwatch.console.live.ranges import TIME_RANGES, TimeRange
from dexwatch.console.panel_specs import panel_bodies, panel_spec
from dexwatch.console.protocols import Now
from dexwatch.dashboards.board import Board, PanelKind
from dexwatch.dashboards.registry import BOARDS

PATIENCE_SECONDS = 0.6
"""How long a page waits for panels that nobody has asked for yet; the rest arrives by itself."""
LONGEST_SECONDS = 31 * 86_400


def build(
    pages: Pages,
    guard: Guard,
    panels: LivePanels,
    histories: Histories,
    health: HealthPoller,
    *,
    now: Now,
) -> APIRouter:
    """Return the routes of the boards."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(guard.viewer)]

    async def shown(request: Request, board: Board, span: str) -> HTMLResponse:
        time_range = time_range_of(panels, span)
        # Asked together: after a pause both wait, and one wait is enough.
        newest, _ = await asyncio.gather(
            panels.newest(board, time_range, wait=PATIENCE_SECONDS),
            health.summary(wait=PATIENCE_SECONDS),
        )
        at = now().timestamp()
        data = {
            panel.id: newest.get(panel.id) or PanelData(panel.id, "waiting", at)
            for panel in board.panels
        }
        specs = {
            panel.id: panel_spec(panel, every=panels.every(board, panel)) for panel in board.panels
        }
        return await pages.page(
            request,
            "board.html",
            board=board,
            time_range=time_range,
            time_ranges=TIME_RANGES.values(),
            data=data,
            specs=specs,
            bodies=panel_bodies(data.values()),
            stream=f"/stream?board={board.id}&span={time_range.name}",
        )

    @router.get("/")
    async def home(request: Request, _: viewer, span: str = "") -> HTMLResponse:
        return await shown(request, BOARDS[0], span)

    @router.get("/boards/{board_id}")
    async def board(request: Request, board_id: str, _: viewer, span: str = "") -> HTMLResponse:
        return await shown(request, find(board_id), span)

    @router.get("/boards/{board_id}/history")
    async def history(
        board_id: str,
        session: viewer,
        start: Annotated[float, Query(alias="from", ge=0)],
        end: Annotated[float, Query(alias="to", ge=0)],
    ) -> Response:
        asked = find(board_id)
        end = min(end, now().timestamp())
        if not 10 <= end - start <= LONGEST_SECONDS:
            raise HTTPException(400, "Choose between ten seconds and 31 days.")
        found = await asyncio.gather(
            *(
                histories.panel(asked, panel, start, end, session=session.form_token)
                for panel in asked.panels
                if panel.kind is PanelKind.TIMESERIES
            )
        )
        text = "[" + ",".join(one.json() for one in found) + "]"
        return Response(text, media_type="application/json")

    return router


def find(board_id: str) -> Board:
    """Return the board of that id.

    Raises:
        HTTPException: 404, there is none.
    """
    board = next((board for board in BOARDS if board.id == board_id), None)
    if board is None:
        raise HTTPException(404, "There is no such board.")
    return board


def time_range_of(panels: LivePanels, name: str) -> TimeRange:
    """Return the time range of that name, or the one that fits how quickly panels refresh."""
    return TIME_RANGES.get(name) or TIME_RANGES["15m" if panels.quick else "1h"]
