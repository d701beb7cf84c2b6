"""The registry of scenarios: every fault that can be injected into the sample."""

from dexwatch.demo.scenarios import chain, exchange
from dexwatch.demo.scenarios.scenario import Scenario, ScenarioContext

SCENARIOS: tuple[Scenario, ...] = (*chain.SCENARIOS, *exchange.SCENARIOS)
"""Unique by name."""

__all__ = ["SCENARIOS", "Scenario", "ScenarioContext"]
