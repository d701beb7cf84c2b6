"""What a scenario is, and what it can reach."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dexwatch.demo.chain.handle import ChainHandle
    from dexwatch.demo.exchange.handle import Exchange
    from dexwatch.demo.trading.traders import Traders


@dataclass(frozen=True)
class ScenarioContext:
    """The running parts into which a scenario may inject faults."""

    chain: "ChainHandle"
    """Anvil, contracts, accounts and the two node gateways with their faults."""

    traders: "Traders"
    """The population that trades on the chain; `traders.behaviour` is what scenarios change."""

    exchange: "Exchange | None"
    """None in a chain-only sample."""

    running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    """Tasks that a scenario keeps running until it is stopped, by the scenario's name."""


Fault = Callable[[ScenarioContext, bool], Awaitable[None]]
"""Injects what breaks when it is given True, and removes it completely when it is given False.

Either may come twice: what is so already stays so.
"""


USUAL_SECONDS: Mapping[str, float] = {
    "ApiLatencyAboveBaseline": 25,
    "CacheMissRateRising": 25,
    "GasPriceHigh": 25,
    # Its rate counts as nothing what its window holds from before the start.
    "TradingVolumeDrop": 45,
}
"""Rules that compare with what was usual, and how long the sample must have been watched for that.

A fault that is there from the first scrape on is the usual, and such a rule never fires.
"""


@dataclass(frozen=True)
class Scenario:
    """A fault that can be injected into the sample, and the alerts that must fire."""

    name: str
    """What an operator types: lower case with hyphens."""

    title: str
    story: str
    """One plain sentence: what breaks."""

    raises: tuple[str, ...]
    """Ids of the rules that must fire, and no others."""

    fault: Fault

    also: tuple[str, ...] = ()
    """Ids of rules that may fire beside `raises`, by the order of events or a busy machine."""

    @property
    def usual_seconds(self) -> float:
        """How long the sample must have been watched before, so that all of `raises` fire."""
        return max(USUAL_SECONDS.get(rule, 0.0) for rule in self.raises)


def assign(target: object, fields: Mapping[str, Any], *, active: bool) -> None:
    """Set fields of a dataclass, or give them their defaults back.

    Raises:
        AttributeError: the dataclass has no such field.
    """
    for name, value in fields.items():
        usual = getattr(type(target), name)
        setattr(target, name, value if active else usual)
