"""The boards, each declared once; the console draws them live and `grafana.render` exports them."""

from dexwatch.dashboards.blockchain import BLOCKCHAIN
from dexwatch.dashboards.board import Board, Panel
from dexwatch.dashboards.infrastructure import INFRASTRUCTURE
from dexwatch.dashboards.overview import OVERVIEW
from dexwatch.dashboards.trading import TRADING

BOARDS: tuple[Board, ...] = (OVERVIEW, TRADING, INFRASTRUCTURE, BLOCKCHAIN)
"""All boards, in the order of the menu."""

__all__ = ["BOARDS", "Board", "Panel"]
