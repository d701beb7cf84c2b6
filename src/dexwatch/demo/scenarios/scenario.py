"""What a scenario is, and what it can reach."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dexwatch.daemons.supervisor import Supervisor
    from dexwatch.demo.chain.handle import ChainHandle
    from dexwatch.demo.trading.traders import Traders


class SampleExchange(Protocol):
    """The running sample exchange: API, database, cache, balancer, jobs, mailbox, Slack fake.

    `dexwatch.demo.exchange.start_exchange(chain, folder, programs, ports)` returns one.
    """

    settings: Mapping[str, Any]
    """The exchange's part of `dexwatch.yml`, merged into the chain's part: keys `database`,
    `notify`, and below `daemons`: `postgres`, `redis`, `nginx`, `targets`, `probes`.
    Lists under the same key are joined."""

    secrets: Mapping[str, str]
    """File name to content; written beside `dexwatch.yml` with mode 0600, for `{file: ./name}`."""

    addresses: Mapping[str, str]
    """What may be opened in a browser: `api`, `mailbox`, `slack` and so on to a URL."""

    async def stop(self) -> None:
        """Stop everything that was started; programs under the supervisor stop with it."""


@dataclass(frozen=True)
class ScenarioContext:
    """The running parts into which a scenario may inject faults."""

    folder: Path
    """The sample's folder; scenarios may write below `folder/scenarios`."""

    chain: "ChainHandle"
    """Anvil, contracts, accounts and the two node gateways with their faults."""

    traders: "Traders"
    """The population that trades on the chain; `traders.behaviour` is what scenarios change."""

    exchange: Any
    """The `SampleExchange`, typed by the exchange's own scenarios; None in a chain-only sample."""

    programs: "Supervisor"
    """The supervisor of the sample's own programs (anvil, PostgreSQL, Redis, nginx, API ...)."""

    running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    """Tasks that a scenario keeps running until it is stopped, by the scenario's name."""


Action = Callable[[ScenarioContext], Awaitable[None]]


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

    start: Action
    """Injects the fault; called again while it is active it must change nothing."""

    stop: Action
    """Removes the fault completely; harmless when it is not active."""

    also: tuple[str, ...] = ()
    """Ids of rules that may fire beside `raises`, by the order of events or a busy machine."""
