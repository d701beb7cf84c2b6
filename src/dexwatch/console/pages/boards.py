"""The boards: System Overview is the home page; history is asked for by zooming."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from dexwatch.console.live.panel_data import PanelData
from dexwatch.console.live.panels import LivePanels
from dexwatch.console.live.ranges import TIME_RANGES, TimeRange
from dexwatch.console.panel_specs import panel_bodies, panel_spec
from dexwatch.console.services import Console, Viewer
from dexwatch.dashboards.board import Board, PanelKind
from dexwatch.dashboards.registry import BOARDS

router = APIRouter()

PATIENCE_SECONDS = 0.6
"""How long a page waits for panels that nobody has asked for yet; the rest arrives by itself."""
LONGEST_SECONDS = 31 * 86_400


async def _shown(console: Console, request: Request, board: Board, span: str) -> HTMLResponse:
    time_range = time_range_of(console.panels, span)
    # Asked together: after a pause both wait, and one wait is enough.
    newest, _ = await asyncio.gather(
        console.panels.newest(board, time_range, wait=PATIENCE_SECONDS),
        console.health.summary(wait=PATIENCE_SECONDS),
    )
    at = console.now().timestamp()
    data = {
        panel.id: newest.get(panel.id) or PanelData(panel.id, "waiting", at)
        for panel in board.panels
    }
    specs = {
        panel.id: panel_spec(panel, every=console.panels.every(board, panel))
        for panel in board.panels
    }
    return await console.pages.page(
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
async def home(console: Console, request: Request, _: Viewer, span: str = "") -> HTMLResponse:
    """Show the first board."""
    return await _shown(console, request, BOARDS[0], span)


@router.get("/boards/{board_id}")
async def board(
    console: Console, request: Request, board_id: str, _: Viewer, span: str = ""
) -> HTMLResponse:
    """Show one board."""
    return await _shown(console, request, find(board_id), span)


@router.get("/boards/{board_id}/history")
async def history(
    console: Console,
    board_id: str,
    session: Viewer,
    start: Annotated[float, Query(alias="from", ge=0)],
    end: Annotated[float, Query(alias="to", ge=0)],
) -> Response:
    """Answer with the series of a board's graphs between two times, as JSON."""
    asked = find(board_id)
    end = min(end, console.now().timestamp())
    if not 10 <= end - start <= LONGEST_SECONDS:
        raise HTTPException(400, "Choose between ten seconds and 31 days.")
    found = await asyncio.gather(
        *(
            console.histories.panel(asked, panel, start, end, session=session.form_token)
            for panel in asked.panels
            if panel.kind is PanelKind.TIMESERIES
        )
    )
    text = "[" + ",".join(one.json() for one in found) + "]"
    return Response(text, media_type="application/json")


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
