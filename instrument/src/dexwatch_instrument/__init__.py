"""Metrics and structured logs for the services of an exchange that dexwatch watches.

Needs nothing but prometheus-client. See the README for an example.
"""

from dexwatch_instrument.asgi import HttpMetrics, MetricsPage
from dexwatch_instrument.bounded import Bounded
from dexwatch_instrument.declared import Declared, Kind
from dexwatch_instrument.metrics import METRICS
from dexwatch_instrument.platform import Platform, PoolState, Trade, Work
from dexwatch_instrument.sources import SuspiciousSources

__all__ = [
    "METRICS",
    "Bounded",
    "Declared",
    "HttpMetrics",
    "Kind",
    "MetricsPage",
    "Platform",
    "PoolState",
    "SuspiciousSources",
    "Trade",
    "Work",
]
