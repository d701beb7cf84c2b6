"""The boards in one list; the console draws them live and `grafana.render` exports them."""

from dexwatch.dashboards.board import Board
from dexwatch.dashboards.boards.blockchain_board import BLOCKCHAIN
from dexwatch.dashboards.boards.infrastructure_board import INFRASTRUCTURE
from dexwatch.dashboards.boards.overview_board import OVERVIEW
from dexwatch.dashboards.boards.trading_board import TRADING

BOARDS: tuple[Board, ...] = (OVERVIEW, TRADING, INFRASTRUCTURE, BLOCKCHAIN)
"""All boards, in the order of the menu."""
