"""The catalogue of scenarios: every known way to break the sample."""

from dexwatch.demo.scenarios import chain, exchange
from dexwatch.demo.scenarios.scenario import ExchangeHandle, Scenario, Step, World

SCENARIOS: tuple[Scenario, ...] = (*chain.SCENARIOS, *exchange.SCENARIOS)
"""Unique by name."""

__all__ = ["SCENARIOS", "ExchangeHandle", "Scenario", "Step", "World"]
