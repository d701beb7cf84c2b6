"""A board."""

from tests.additions.addition import Addition

BOARD = Addition(
    {
        "src/dexwatch/dashboards/boards/pigeon_board.py": (
            (
                "",
                '''"""Pigeons: are they at home?"""

from dexwatch.dashboards.board import Board, Section
from dexwatch.dashboards.boards.trading_board import SYSTEM

PIGEONS = Board("pigeons", "Pigeons", "Are they home?", 15, (Section("Loft", SYSTEM),), "D-TRADING")
''',
            ),
        ),
        "src/dexwatch/dashboards/registry.py": (
            (
                "from dexwatch.dashboards.boards.trading",
                """from dexwatch.dashboards.boards.pigeon_board import PIGEONS
from dexwatch.dashboards.boards.trading""",
            ),
            ("BLOCKCHAIN)", "BLOCKCHAIN, PIGEONS)"),
        ),
    },
    """
from dexwatch.dashboards.registry import BOARDS
from tools.reference.boards import page

assert [board.id for board in BOARDS][-1] == "pigeons"
assert "Are they home?" in page()
""",
)
