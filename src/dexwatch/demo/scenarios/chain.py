"""Scenarios that break the nodes, the chain, the contracts or the people who trade."""

import asyncio

import httpx
import structlog

from dexwatch.demo.chain.rpc import Rpc
from dexwatch.demo.chain.transactions import call
from dexwatch.demo.scenarios.scenario import Fault, Scenario, ScenarioContext, assign

WATCHED, PLATFORM = ("node-a", "node-b"), "node-platform"
WHALE_USD, WHALE_SECONDS = 80_000.0, 4.0
RAISED_FEE_BPS, USUAL_FEE_BPS = 200, 5

log = structlog.get_logger(__name__)


def _nodes(*names: str, **fields: float) -> Fault:
    async def fault(context: ScenarioContext, active: bool) -> None:
        for node in (*context.chain.nodes, context.chain.platform):
            if node.name in names:
                assign(node.faults, fields, active=active)

    return fault


def _traders(**fields: float) -> Fault:
    async def fault(context: ScenarioContext, active: bool) -> None:
        assign(context.traders.behaviour, fields, active=active)

    return fault


async def _gas_spike(context: ScenarioContext, active: bool) -> None:
    await _nodes(*WATCHED, PLATFORM, gas_price_gwei=5.0)(context, active)
    await _traders(gas=50.0)(context, active)


async def _raised_fee(context: ScenarioContext, active: bool) -> None:
    # The API and half of the traders quote with the old fee; the others know the new one.
    # All try three times as often, so that volume stays and only success suffers.
    behave = _traders(router_fee=RAISED_FEE_BPS / 10_000, failing=0.5, activity=3.0)
    if active:
        await behave(context, active)
    await _set_fee(context, RAISED_FEE_BPS if active else USUAL_FEE_BPS)
    if not active:
        await behave(context, active)


async def _set_fee(context: ScenarioContext, fee_bps: int) -> None:
    deployment = context.chain.deployment
    rpc = Rpc(context.chain.anvil)
    try:
        changed = call(
            deployment.owner, deployment.router, "setFeeBps(uint256)", fee_bps, price=10**10
        )
        await rpc.call("eth_sendTransaction", changed.fields())
    finally:
        await rpc.close()


async def _whale(context: ScenarioContext, active: bool) -> None:
    if active:
        if "whale-trade" not in context.running:
            trading = asyncio.create_task(_trade_as_whale(context), name="whale")
            context.running["whale-trade"] = trading
    elif task := context.running.pop("whale-trade", None):
        task.cancel()
        await asyncio.wait([task])


async def _trade_as_whale(context: ScenarioContext) -> None:
    while True:
        try:
            await context.traders.whale(WHALE_USD)
        except (httpx.HTTPError, RuntimeError) as error:
            log.warning("sample_whale_failed", error=repr(error))
        await asyncio.sleep(WHALE_SECONDS)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="node-stalled",
        title="The nodes stand still",
        story="Both nodes answer, but their heads no longer move and no head is pushed.",
        raises=("ChainHeadStalled",),
        fault=_nodes(*WATCHED, stalled=True),
    ),
    Scenario(
        name="node-lagging",
        title="One node falls behind",
        story="node-b falls forty blocks behind node-a and says that it is syncing.",
        raises=("NodeLagging",),
        fault=_nodes("node-b", lag_blocks=40),
    ),
    Scenario(
        name="peers-low",
        title="One node loses its peers",
        story="node-a is left with two peers.",
        raises=("NodePeersLow",),
        fault=_nodes("node-a", peers=2),
    ),
    Scenario(
        name="gas-spike",
        title="Gas becomes expensive",
        story="The nodes suggest fifty times the usual gas price, and traders pay it.",
        raises=("GasPriceHigh",),
        fault=_gas_spike,
    ),
    Scenario(
        name="confirmations-slow",
        title="Confirmations take seconds",
        story="The exchange gets the receipts of its transactions seven blocks late.",
        raises=("ConfirmationsSlow",),
        fault=_nodes(PLATFORM, receipts_late_blocks=7),
    ),
    Scenario(
        name="trade-failures",
        title="Trades revert",
        story=(
            "The router's fee was raised but the API still quotes with the old one: "
            "its trades bring less than promised and revert, and people try again."
        ),
        raises=("TradingSuccessLow", "TradeFailuresHigh", "ContractCallsFailing"),
        fault=_raised_fee,
    ),
    Scenario(
        name="volume-drop",
        title="The traders leave",
        story="Nobody trades on the pools any more, except through the API.",
        raises=("TradingVolumeDrop",),
        fault=_traders(activity=0.0),
    ),
    Scenario(
        name="whale-trade",
        title="A whale trades",
        story="One account swaps 80,000 dollars at once, again and again.",
        raises=("HighValueTrade",),
        fault=_whale,
    ),
    Scenario(
        name="contract-reverts",
        title="Vault and farm refuse their users",
        story="Most calls to the vault and the farm ask for more than the caller has, and revert.",
        raises=("ContractCallsFailing",),
        fault=_traders(contracts=20.0, contracts_failing=0.8),
    ),
)
