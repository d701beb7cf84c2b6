"""What a node allows is measured, whatever it refuses."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dexwatch.chain.probes import client
from dexwatch.chain.probes.node_plan import NodePlan, measure
from dexwatch.clients.http import SourceError
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, RpcRefusal, running


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        found.chain.mine(receipts=[{}, {}])
        found.answers["eth_call"] = lambda _: "0x"
        found.answers["eth_getLogs"] = lambda _: []
        yield found


async def measured(node: FakeNode) -> NodePlan:
    async with client(node.http) as endpoint:
        return await measure(endpoint)


async def test_a_generous_node(node: FakeNode) -> None:
    plan = await measured(node)
    assert (plan.chain_id, plan.head, plan.batch, plan.logs_span) == (56, 101, 50, 5_000)
    assert plan.receipts_by_block
    assert plan.finality
    assert plan.state_by_hash
    assert plan.transactions == 2
    assert plan.calls_a_day(450) == 2 * 192_000 + 86_400 + 43_000
    assert node.exchanges < 15


async def test_a_mean_node(node: FakeNode) -> None:
    def logs(params: list[Any]) -> list[Any]:
        span = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        if span > 100:
            raise RpcRefusal(-32005, "limit exceeded")
        return []

    def call(params: list[Any]) -> str:
        if isinstance(params[1], dict):
            raise RpcRefusal(-32602, "invalid argument 1")
        return "0x"

    node.answers |= {"eth_getLogs": logs, "eth_call": call}
    node.lacks.add("eth_getBlockReceipts")
    node.most_calls = 3
    plan = await measured(node)
    assert (plan.batch, plan.logs_span) == (3, 100)
    assert not plan.receipts_by_block
    assert not plan.state_by_hash
    assert plan.calls_a_day(450) > 3 * 192_000
    assert "receipts one by one" in plan.told(450)


async def test_a_node_that_does_not_answer(node: FakeNode) -> None:
    node.status = 503
    with pytest.raises(SourceError):
        await measured(node)


def test_the_report_is_one_line() -> None:
    plan = NodePlan(56, 5, 1, None, False, False, False, 400_000, 60)
    told = plan.told(450)
    assert "\n" not in told
    assert "no batches" in told
    assert "no eth_getLogs" in told
    assert "76.8 GB a day" in told
