"""Scenarios that break the nodes, the chain, the contracts or the people who trade."""

import asyncio
import contextlib
from collections.abc import Callable

from dexwatch.demo.chain.handle import Node
from dexwatch.demo.chain.rpc import Rpc, encode_call
from dexwatch.demo.node.faults import Faults
from dexwatch.demo.scenarios.scenario import Action, Scenario, ScenarioContext
from dexwatch.demo.trading.population import TraderBehaviour
from dexwatch.demo.trading.quotes import ROUTER_FEE

WHALE_USD, WHALE_SECONDS = 80_000.0, 4.0
RAISED_FEE_BPS, USUAL_FEE_BPS = 200, 5
SPIKE_GWEI, SPIKE_FACTOR = 5.0, 50.0
LATE_BLOCKS = 7


def _nodes(change: Callable[[Faults], None], *names: str) -> Action:
    async def action(context: ScenarioContext) -> None:
        for node in context.chain.nodes:
            if not names or node.name in names:
                change(node.faults)

    return action


def _platform(change: Callable[[Node], None]) -> Action:
    async def action(context: ScenarioContext) -> None:
        change(context.chain.platform)

    return action


def _behaviour(change: Callable[[TraderBehaviour], None]) -> Action:
    async def action(context: ScenarioContext) -> None:
        change(context.traders.behaviour)

    return action


def _stall(faults: Faults) -> None:
    faults.stalled = True


def _unstall(faults: Faults) -> None:
    faults.stalled = False


def _lag(faults: Faults) -> None:
    faults.lag_blocks = 40


def _catch_up(faults: Faults) -> None:
    faults.lag_blocks = 0


def _lose_peers(faults: Faults) -> None:
    faults.peers = 2


def _find_peers(faults: Faults) -> None:
    faults.peers = Faults.peers


def _late(node: Node) -> None:
    node.faults.receipts_late_blocks = LATE_BLOCKS


def _in_time(node: Node) -> None:
    node.faults.receipts_late_blocks = 0


def _leave(behaviour: TraderBehaviour) -> None:
    behaviour.activity = 0.0


def _come_back(behaviour: TraderBehaviour) -> None:
    behaviour.activity = 1.0


def _overdraw(behaviour: TraderBehaviour) -> None:
    behaviour.contracts, behaviour.contracts_failing = 20.0, 0.8


def _call_normally(behaviour: TraderBehaviour) -> None:
    behaviour.contracts, behaviour.contracts_failing = 1.0, 0.0


async def _gas_up(context: ScenarioContext) -> None:
    for node in (*context.chain.nodes, context.chain.platform):
        node.faults.gas_price_gwei = SPIKE_GWEI
    context.traders.behaviour.gas = SPIKE_FACTOR


async def _gas_down(context: ScenarioContext) -> None:
    for node in (*context.chain.nodes, context.chain.platform):
        node.faults.gas_price_gwei = None
    context.traders.behaviour.gas = 1.0


async def _raise_fee(context: ScenarioContext) -> None:
    # The API and half of the traders quote with the old fee; the others know the new one.
    # All try three times as often, so that volume stays and only success suffers.
    behaviour = context.traders.behaviour
    behaviour.router_fee, behaviour.failing, behaviour.activity = RAISED_FEE_BPS / 10_000, 0.5, 3.0
    await _set_fee(context, RAISED_FEE_BPS)


async def _restore_fee(context: ScenarioContext) -> None:
    await _set_fee(context, USUAL_FEE_BPS)
    behaviour = context.traders.behaviour
    behaviour.router_fee, behaviour.failing, behaviour.activity = ROUTER_FEE, 0.0, 1.0


async def _set_fee(context: ScenarioContext, fee_bps: int) -> None:
    deployment = context.chain.deployment
    rpc = Rpc(context.chain.anvil)
    try:
        data = encode_call("setFeeBps(uint256)", fee_bps)
        sender = {"from": deployment.owner, "to": deployment.router}
        gas = {"gas": hex(100_000), "gasPrice": hex(10**10)}
        await rpc.call("eth_sendTransaction", {**sender, **gas, "data": data})
    finally:
        await rpc.close()


async def _start_whale(context: ScenarioContext) -> None:
    if "whale-trade" not in context.running:
        context.running["whale-trade"] = asyncio.create_task(_trade_as_whale(context), name="whale")


async def _trade_as_whale(context: ScenarioContext) -> None:
    while True:
        await context.traders.whale(WHALE_USD)
        await asyncio.sleep(WHALE_SECONDS)


async def _stop_whale(context: ScenarioContext) -> None:
    task = context.running.pop("whale-trade", None)
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            await task


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="node-stalled",
        title="The nodes stand still",
        story="Both nodes answer, but their heads no longer move and no head is pushed.",
        raises=("ChainHeadStalled",),
        start=_nodes(_stall),
        stop=_nodes(_unstall),
    ),
    Scenario(
        name="node-lagging",
        title="One node falls behind",
        story="node-b falls forty blocks behind node-a and says that it is syncing.",
        raises=("NodeLagging",),
        start=_nodes(_lag, "node-b"),
        stop=_nodes(_catch_up, "node-b"),
    ),
    Scenario(
        name="peers-low",
        title="One node loses its peers",
        story="node-a is left with two peers.",
        raises=("NodePeersLow",),
        start=_nodes(_lose_peers, "node-a"),
        stop=_nodes(_find_peers, "node-a"),
    ),
    Scenario(
        name="gas-spike",
        title="Gas becomes expensive",
        story="The nodes suggest fifty times the usual gas price, and traders pay it.",
        raises=("GasPriceHigh",),
        start=_gas_up,
        stop=_gas_down,
    ),
    Scenario(
        name="confirmations-slow",
        title="Confirmations take seconds",
        story="The exchange gets the receipts of its transactions seven blocks late.",
        raises=("ConfirmationsSlow",),
        start=_platform(_late),
        stop=_platform(_in_time),
    ),
    Scenario(
        name="trade-failures",
        title="Trades revert",
        story=(
            "The router's fee was raised but the API still quotes with the old one: "
            "its trades bring less than promised and revert, and people try again."
        ),
        raises=("TradingSuccessLow", "TradeFailuresHigh", "ContractCallsFailing"),
        start=_raise_fee,
        stop=_restore_fee,
    ),
    Scenario(
        name="volume-drop",
        title="The traders leave",
        story="Nobody trades on the pools any more, except through the API.",
        raises=("TradingVolumeDrop",),
        start=_behaviour(_leave),
        stop=_behaviour(_come_back),
    ),
    Scenario(
        name="whale-trade",
        title="A whale trades",
        story="One account swaps 80,000 dollars at once, again and again.",
        raises=("HighValueTrade",),
        start=_start_whale,
        stop=_stop_whale,
    ),
    Scenario(
        name="contract-reverts",
        title="Vault and farm refuse their users",
        story="Most calls to the vault and the farm ask for more than the caller has, and revert.",
        raises=("ContractCallsFailing",),
        start=_behaviour(_overdraw),
        stop=_behaviour(_call_normally),
    ),
)
