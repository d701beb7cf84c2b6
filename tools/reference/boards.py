"""boards.md: every board, its panels, and what good looks like on each."""

from collections.abc import Iterator

from dexwatch.dashboards.board import Board, Panel, Threshold
from dexwatch.dashboards.registry import BOARDS
from dexwatch.rules.rule import number
from tools.reference.markdown import document, table

INTRODUCTION = """
The boards that the console draws, and that `dexwatch export grafana` writes for Grafana.
"""


def page() -> str:
    """Return the page."""
    return document("Boards", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    for board in BOARDS:
        yield f"## {board.title}"
        yield board.purpose
        yield f"Address: `/boards/{board.id}`. Refreshed every {board.refresh_seconds} s."
        yield from _sections(board)


def _sections(board: Board) -> Iterator[str]:
    for section in board.sections:
        yield f"### {section.title}"
        head = ("Panel", "Drawn as", "Unit", "What good looks like", "Thresholds")
        yield table(head, (_row(panel) for panel in section.panels))


def _row(panel: Panel) -> tuple[str, ...]:
    thresholds = "; ".join(_threshold(threshold) for threshold in panel.thresholds)
    return (panel.title, panel.kind, panel.unit, panel.good, thresholds)


def _threshold(threshold: Threshold) -> str:
    side = "below" if threshold.below else "above"
    return f"{side} {number(threshold.value)}: {threshold.meaning}"
