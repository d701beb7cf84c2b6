"""The whole watch against a fake node: all figures come, failures stay where they are, restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from dexwatch.chain.calls import selector
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.stored.consumers import ChainLog
from dexwatch.clients.config import DatabaseConfig
from dexwatch.collectors.run import Watch
from dexwatch.evm.block import parse_block
from dexwatch.metrics import chain, exchange, own
from dexwatch.metrics.metric import Metric
from tests.fakes import need
from tests.fakes import pools as fake
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until

VIEWS = {
    "getReserves()": encode(["uint112", "uint112", "uint32"], [fake.UNIT, 600 * fake.UNIT, 0]),
    "slot0()": encode(["uint160", "int24", "uint16"], [int(600**0.5 * 2**96), 63_973, 1]),
    "liquidity()": encode(["uint128"], [10**24]),
    "balanceOf(address)": encode(["uint256"], [1_000 * fake.UNIT]),
    "paused()": encode(["bool"], [True]),
    "feeBps()": encode(["uint256"], [500]),
}
ANSWERS = {"0x" + selector(name).hex(): "0x" + answer.hex() for name, answer in VIEWS.items()}


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        found.answers["eth_call"] = lambda params: ANSWERS[params[0]["data"][:10]]
        yield found


def watch(node: FakeNode, **options: Any) -> Watch:
    config = ChainConfig(
        block_interval_ms=30,
        stall_seconds=1.0,
        timeout_seconds=0.5,
        endpoints=[{"name": "node-a", "http": node.http, "ws": node.ws}],
    )
    return Watch(config, fake.dex(), options.pop("database", None), **options)


def value(watched: Watch, metric: Metric, **labels: str) -> Any:
    for sample in watched.samples():
        if sample.metric.name == metric.name and dict(sample.labels) == labels:
            return sample.value
    return None


async def test_all_metrics_come(node: FakeNode) -> None:
    async with watch(node).run() as watched:
        await until(lambda: node.sockets)
        for _ in range(8):
            node.chain.mine(receipts=[{"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]}])
            await node.push()
            await asyncio.sleep(0.05)
        await until(lambda: value(watched, chain.endpoint_up, endpoint="node-a") == 1)
        assert value(watched, chain.endpoint_peers, endpoint="node-a") == 25
        assert value(watched, chain.endpoint_lag, endpoint="node-a") == 0
        await until(lambda: value(watched, chain.head_block) == node.chain.height)
        await until(lambda: value(watched, chain.finalized_block) == node.chain.height - 2)
        await until(lambda: value(watched, chain.finality_lag) == 2)
        assert value(watched, chain.finality_seconds).total >= 3
        assert value(watched, chain.block_visible_seconds).total >= 3
        assert value(watched, chain.block_interval_seconds).sum == pytest.approx(
            0.45 * value(watched, chain.block_interval_seconds).total
        )
        assert value(watched, exchange.swaps, pool="WBNB/USDT") == 8
        await until(lambda: value(watched, exchange.contract_paused, contract="router") == 1)
        assert value(watched, exchange.contract_view, contract="router", view="fee") == 5
        await until(lambda: value(watched, exchange.tvl_usd, pool="V3"))
        assert value(watched, own.collector_success, collector="contracts") == 1


async def test_a_dead_database_touches_nothing_else(node: FakeNode) -> None:
    database = DatabaseConfig.model_validate(
        {
            "dsn": f"host=127.0.0.1 port={need.free_port()} user=x",
            "queries": [{"metric": "business_users", "sql": "select 1 as value"}],
        }
    )
    async with watch(node, database=database).run() as watched:
        await until(lambda: value(watched, own.collector_success, collector="business") == 0)
        await until(lambda: value(watched, chain.head_block) == node.chain.height)
        assert value(watched, own.collector_success, collector="chain") == 1


async def test_a_dead_node_is_down_and_its_old_values_are_not_shown(node: FakeNode) -> None:
    async with watch(node).run() as watched:
        await until(lambda: value(watched, exchange.contract_paused, contract="router") == 1)
        node.status = 503
        await until(lambda: value(watched, chain.endpoint_up, endpoint="node-a") == 0)
        await until(lambda: value(watched, exchange.contract_paused, contract="router") is None)
        await until(lambda: value(watched, chain.endpoint_peers, endpoint="node-a") is None)
        node.status = 200
        await until(lambda: value(watched, chain.endpoint_up, endpoint="node-a") == 1)


async def test_what_a_node_does_not_answer_is_absent_and_no_failure(node: FakeNode) -> None:
    node.lacks |= {"net_peerCount", "eth_syncing"}
    finalized = node._eth_getBlockByNumber

    def without_tags(params: list[Any]) -> Any:
        if params[0] == "finalized":
            raise LookupError("the method finalized is not supported")
        return finalized(*params)

    node.answers["eth_getBlockByNumber"] = without_tags
    async with watch(node).run() as watched:
        await until(lambda: value(watched, chain.endpoint_up, endpoint="node-a") == 1)
        await until(lambda: value(watched, own.collector_success, collector="chain") == 1)
        assert value(watched, chain.endpoint_peers, endpoint="node-a") is None
        assert value(watched, chain.finality_lag) is None
        assert value(watched, own.collector_failures, collector="chain") == 0


async def test_a_finality_lag_that_the_node_no_longer_tells_is_absent(node: FakeNode) -> None:
    node.chain.mine(5)
    async with watch(node).run() as watched:
        await until(lambda: value(watched, chain.finality_lag) == 2)
        by_number = node._eth_getBlockByNumber
        node.answers["eth_getBlockByNumber"] = lambda params: (
            None if params[0] == "finalized" else by_number(*params)
        )
        await until(lambda: value(watched, chain.finality_lag) is None)
        del node.answers["eth_getBlockByNumber"]
        await until(lambda: value(watched, chain.finality_lag) == 2)
        # Another primary may be known not to tell.
        watched.stream.primary.set_lacking("finalized")
        await until(lambda: value(watched, chain.finality_lag) is None)


async def test_a_node_of_another_chain_is_not_taken_for_ours(node: FakeNode) -> None:
    node.answers["eth_chainId"] = lambda _: "0x1"
    async with watch(node).run() as watched:
        await until(lambda: value(watched, chain.endpoint_up, endpoint="node-a") == 0)


async def test_a_restart_goes_on_where_the_watch_stopped(node: FakeNode, tmp_path: Path) -> None:
    sale = [{"logs": [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]}]
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, chain.head_block) == node.chain.height)
    for _ in range(5):
        node.chain.mine(receipts=sale)
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, chain.head_block) == node.chain.height)
        assert value(watched, exchange.swaps, pool="WBNB/USDT") == 5
        assert value(watched, chain.blocks, stage="evaluated") == 5


@pytest.mark.parametrize("text", ["", "{", "SQLite format 3" * 40])
async def test_an_unusable_block_store_is_a_first_start(
    node: FakeNode, tmp_path: Path, text: str
) -> None:
    (tmp_path / "chain.sqlite").write_text(text)
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, chain.head_block) == node.chain.height)


@pytest.mark.parametrize("number", [40, 100, 101, 5_000])
async def test_blocks_of_a_chain_that_began_anew_lead_to_the_new_one(
    node: FakeNode, tmp_path: Path, number: int
) -> None:
    old = FakeChain(number, first_second=1_700_000_000)
    log = ChainLog.open(tmp_path / "chain.sqlite", chain_id=56)
    await log.append([parse_block(old.head, old.receipts[old.head["hash"]])])
    await log.close()
    # The new chain begins below the old one's newest block, as chains begin at nought.
    node.chain = FakeChain(min(number, 100) - 1)
    node.chain.mine(100 - node.chain.height + 3)
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, chain.head_block) == node.chain.height, 20)
        assert value(watched, chain.reorgs, depth="1") == 0


async def test_reverts_are_explained_by_a_replay(node: FakeNode) -> None:
    views = node.answers["eth_call"]

    def call(params: list[Any]) -> Any:
        return "0x" if params[0]["data"] == "0xdeadbeef" else views(params)

    node.answers["eth_call"] = call
    async with watch(node).run() as watched:
        await until(lambda: node.sockets and value(watched, chain.head_block))
        burnt = {"to": fake.ROUTER, "status": "0x0", "gasUsed": "0x30d40"}
        reverted = {"to": fake.ROUTER, "status": "0x0", "body": {"input": "0xdeadbeef"}}
        node.chain.mine(receipts=[burnt, reverted])
        await node.push()
        for text in ("out of gas", "state changed"):
            await until(
                lambda text=text: (
                    value(watched, exchange.contract_failures, contract="router", reason=text) == 1
                )
            )
