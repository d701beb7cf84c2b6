"""Every collector in one list."""

from dexwatch.exporters.business import BusinessCollector
from dexwatch.exporters.chain import ChainCollector
from dexwatch.exporters.collector import Collector
from dexwatch.exporters.contracts import ContractsCollector
from dexwatch.exporters.endpoints import EndpointsCollector
from dexwatch.exporters.exchange import ExchangeCollector
from dexwatch.exporters.liquidity import LiquidityCollector
from dexwatch.exporters.transactions import TransactionsCollector

COLLECTORS: tuple[type[Collector], ...] = (
    EndpointsCollector,
    ChainCollector,
    TransactionsCollector,
    ExchangeCollector,
    LiquidityCollector,
    ContractsCollector,
    BusinessCollector,
)
"""All collectors, in the order in which they take a block: the market is kept before it is read."""
