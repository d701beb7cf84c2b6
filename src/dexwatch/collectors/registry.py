"""Every collector in one list."""

from dexwatch.collectors.business import BusinessCollector
from dexwatch.collectors.chain import ChainCollector
from dexwatch.collectors.collector import Collector
from dexwatch.collectors.contracts import ContractsCollector
from dexwatch.collectors.endpoints import EndpointsCollector
from dexwatch.collectors.exchange import ExchangeCollector
from dexwatch.collectors.liquidity import LiquidityCollector
from dexwatch.collectors.liquidity_providers import LiquidityProvidersCollector
from dexwatch.collectors.transactions import TransactionsCollector

COLLECTORS: tuple[type[Collector], ...] = (
    EndpointsCollector,
    ChainCollector,
    TransactionsCollector,
    ExchangeCollector,
    LiquidityCollector,
    LiquidityProvidersCollector,
    ContractsCollector,
    BusinessCollector,
)
"""All collectors, in the order in which they take a block: the market is kept before it is read."""
