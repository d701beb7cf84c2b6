"""The catalogue of scenarios: every known way to break the sample."""

from dexwatch.demo.scenarios.scenario import ExchangeHandle, Scenario, Step, TradersHandle, World

SCENARIOS: tuple[Scenario, ...] = ()

__all__ = ["SCENARIOS", "ExchangeHandle", "Scenario", "Step", "TradersHandle", "World"]
