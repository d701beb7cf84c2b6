"""The boards: System Overview is the home page; history is asked for by zooming."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from dexwatch.console.access.sessions import Session
from dexwatch.console.context import Context
from dexwatch.console.live.feed import SPANS, Span
from dexwatch.console.live.frames import Frame
from dexwatch.dashboards.board import Board, Panel, PanelKind
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics import units

PATIENCE_SECONDS = 0.6
"""How long a page waits for panels that nobody has asked for yet; the rest arrives by itself."""
LONGEST_SECONDS = 31 * 86_400


def build(context: Context) -> APIRouter:
    """Return the routes of the boards."""
    router = APIRouter()
    viewer = Annotated[Session, Depends(context.guard.viewer)]

    @router.get("/")
    async def home(request: Request, _: viewer, span: str = "") -> HTMLResponse:
        return await _board(context, request, BOARDS[0], span)

    @router.get("/boards/{board_id}")
    async def board(request: Request, board_id: str, _: viewer, span: str = "") -> HTMLResponse:
        return await _board(context, request, find(board_id), span)

    @router.get("/boards/{board_id}/history")
    async def history(
        board_id: str,
        _: viewer,
        start: Annotated[float, Query(alias="from", ge=0)],
        end: Annotated[float, Query(alias="to", ge=0)],
    ) -> Response:
        asked = find(board_id)
        end = min(end, context.now().timestamp())
        if not 10 <= end - start <= LONGEST_SECONDS:
            raise HTTPException(400, "Choose between ten seconds and 31 days.")
        drawn = [panel for panel in asked.panels if panel.kind is PanelKind.TIMESERIES]
        frames = await asyncio.gather(
            *(context.hub.history(asked, panel, start, end) for panel in drawn)
        )
        text = "[" + ",".join(frame.json() for frame in frames) + "]"
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


def span_of(context: Context, name: str) -> Span:
    """Return the span of that name, or the one that fits the profile."""
    return SPANS.get(name) or SPANS["15m" if context.hub.quick else "1h"]


async def _board(context: Context, request: Request, board: Board, name: str) -> HTMLResponse:
    span = span_of(context, name)
    # Asked together: after a pause both wait, and one wait is enough.
    frames, _ = await asyncio.gather(
        context.hub.prime(board, span, wait=PATIENCE_SECONDS),
        context.heart.pulse(wait=PATIENCE_SECONDS),
    )
    waiting = context.now().timestamp()
    shown = {
        panel.id: frames.get(panel.id) or Frame(panel.id, "waiting", waiting)
        for panel in board.panels
    }
    return await context.page(
        request,
        "board.html",
        board=board,
        span=span,
        spans=SPANS.values(),
        frames=shown,
        specs={panel.id: _spec(context, board, panel) for panel in board.panels},
        drawn={key: _drawn(frame) for key, frame in shown.items() if frame.body},
        stream=f"/stream?board={board.id}&span={span.name}",
    )


def _drawn(frame: Frame) -> dict[str, Any]:
    return {"panel": frame.panel, "state": frame.state, "at": frame.at, "body": frame.body}


def _spec(context: Context, board: Board, panel: Panel) -> dict[str, Any]:
    """Return what the script must know about a panel; nothing in it is foreign."""
    return {
        "kind": panel.kind,
        "unit": panel.unit,
        "decimals": panel.decimals,
        "stacked": panel.stacked,
        "floor": panel.floor,
        "every": context.hub.every(board, panel),
        "thresholds": [
            {
                "limit": t.limit,
                "level": t.level,
                "text": str(units.figure(t.limit, panel.unit)),
                "meaning": t.meaning,
                "below": t.below,
            }
            for t in panel.thresholds
        ],
    }
