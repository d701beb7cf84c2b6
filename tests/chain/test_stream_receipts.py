"""Receipts that come late, in part, one by one, or not at all."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dexwatch import clock
from dexwatch.metrics import chain
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, GatewayAnswer, RpcRefusal, running
from tests.fakes.patience import until
from tests.fakes.streams import mine, watched

pytestmark = pytest.mark.slow


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


async def test_without_block_receipts_they_are_asked_one_by_one(node: FakeNode) -> None:
    node.lacks.add("eth_getBlockReceipts")
    async with watched(node) as (_, seen):
        await until(lambda: seen.blocks)
        node.chain.mine(receipts=[{"to": "0x" + "aa" * 20, "status": "0x0"}, {}])
        await node.push()
        await until(lambda: seen.hashes == node.chain.canonical)
        assert [receipt.success for receipt in seen.blocks[-1].receipts] == [False, True]


@pytest.mark.parametrize("late", [3, 7])
async def test_receipts_that_come_late_are_waited_for(node: FakeNode, late: int) -> None:
    node.late_receipts = late
    async with watched(node) as (_, seen):
        # From the start on, while heads come faster than any receipts.
        for _ in range(12):
            await mine(node)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        await mine(node, 2)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert seen.series.value(chain.blocks, stage="lost") == 0


LATE = {
    "no receipts": lambda _: [],
    "some receipts": lambda found: found[:-1],
    "receipts of nothing": lambda found: [None for _ in found],
    "receipts of another block": lambda found: [
        {**one, "blockHash": "0x" + "ee" * 32} for one in found
    ],
    "receipts without logs": lambda found: [{**one, "logs": None} for one in found],
}


@pytest.mark.parametrize("form", LATE)
async def test_receipts_that_are_late_in_another_form_cost_no_block(
    node: FakeNode, form: str
) -> None:
    real = node._eth_getBlockReceipts

    def late(params: list[Any]) -> Any:
        node.asked_receipts[params[0]] += 1
        found = real(*params)
        return LATE[form](found) if node.asked_receipts[params[0]] < 8 else found

    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.answers["eth_getBlockReceipts"] = late
        node.chain.mine(receipts=[{}, {}])
        await node.push()
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_time_in_which_the_node_was_away_is_no_patience_with_a_block(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ahead = clock.monotonic, 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: real() + ahead)
    give = node._eth_getBlockReceipts

    def late(params: list[Any]) -> Any:
        node.asked_receipts[params[0]] += 1
        return give(*params) if node.asked_receipts[params[0]] > 6 else []

    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.answers["eth_getBlockReceipts"] = late
        node.chain.mine(receipts=[{}])
        block = node.chain.canonical[-1]
        await node.push()
        await until(lambda: node.asked_receipts[block] == 2)
        ahead += 25.0
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_a_block_that_is_late_by_its_hash_alone_is_not_given_up(node: FakeNode) -> None:
    real, asked = node._eth_getBlockByHash, Counter[str]()

    def late(params: list[Any]) -> Any:
        asked[params[0]] += 1
        return real(*params) if asked[params[0]] >= 8 else None

    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.answers["eth_getBlockByHash"] = late
        await mine(node, 2)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_a_block_without_the_logs_of_its_filter_is_asked_again(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        empty, real = 3, node._eth_getBlockReceipts

        def without_logs(params: list[Any]) -> Any:
            nonlocal empty
            found = real(*params)
            empty -= 1
            return [{**receipt, "logs": []} for receipt in found] if empty >= 0 else found

        node.answers["eth_getBlockReceipts"] = without_logs
        log = {"address": "0x" + "aa" * 20, "topics": ["0x" + "01" * 32], "data": "0x"}
        node.chain.mine(receipts=[{"logs": [log]}])
        await node.push()
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.blocks[-1].log_count == 1
        assert seen.series.value(chain.blocks, stage="lost") == 0


@pytest.mark.parametrize(
    "error",
    [(-32000, "header not found"), (-32005, "resource not available"), (-32000, "block not found")],
)
async def test_a_passing_refusal_of_receipts_does_not_change_how_they_are_asked(
    node: FakeNode, error: tuple[int, str]
) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)

        def once(params: list[Any]) -> Any:
            del node.answers["eth_getBlockReceipts"]
            raise RpcRefusal(*error)

        node.answers["eth_getBlockReceipts"] = once
        node.chain.mine(receipts=[{}])
        await node.push()
        await until(lambda: seen.hashes == node.chain.canonical)
        assert not node.calls["eth_getTransactionReceipt"]


@pytest.mark.parametrize(
    "refusal",
    [
        RpcRefusal(4444, "pruned history unavailable"),
        GatewayAnswer(500, b"{}"),
        GatewayAnswer(200, None),
    ],
    ids=["refused", "broken", "never answered"],
)
async def test_a_block_that_alone_is_not_to_be_had_does_not_hold_up_the_others(
    node: FakeNode, refusal: Exception
) -> None:
    real = node._eth_getBlockReceipts
    async with watched(node, patience_seconds=0.5, timeout_seconds=0.5) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.chain.mine(receipts=[{}])
        lost = node.chain.canonical[-1]

        def refuse(params: list[Any]) -> Any:
            if params[0] == lost:
                raise refusal
            return real(*params)

        node.answers["eth_getBlockReceipts"] = refuse
        await mine(node, 20)
        await until(lambda: seen.hashes[-1] == node.chain.canonical[-1])
        assert [one for one in node.chain.canonical if one not in seen.hashes] == [lost]
        assert seen.series.value(chain.blocks, stage="lost") == 1


async def test_a_node_that_refuses_its_newest_blocks_as_well_costs_no_block(
    node: FakeNode,
) -> None:
    real = node._eth_getBlockReceipts
    asked = Counter[str]()

    def busy(params: list[Any]) -> Any:
        asked[params[0]] += 1
        if asked[node.chain.canonical[1]] < 8:
            raise RpcRefusal(-32000, "busy: try again")
        return real(*params)

    async with watched(node, patience_seconds=0.1) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.answers["eth_getBlockReceipts"] = busy
        await mine(node, 20)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_blocks_that_are_given_only_alone_are_all_taken(node: FakeNode) -> None:
    """A small node may be overcome by the many blocks that are asked for side by side."""
    asked = Counter[str]()
    real = node._eth_getBlockReceipts

    def alone(params: list[Any]) -> Any:
        asked[params[0]] += 1
        first = node.chain.canonical[len(seen.blocks)]
        if params[0] == first and asked[first] % 2:
            raise RpcRefusal(-32000, "out of memory")
        return real(*params)

    async with watched(node, patience_seconds=0.1) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.answers["eth_getBlockReceipts"] = alone
        await mine(node, 12)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0
