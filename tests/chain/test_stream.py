"""The stream against fake nodes: push, poll, another primary, divergence, all kinds of nonsense."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.stream import BlockStream
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import ChainEvent, Reorg
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running


@dataclass
class Seen:
    blocks: list[Block] = field(default_factory=list)
    reorgs: list[Reorg] = field(default_factory=list)
    series: Series = field(default_factory=Series)

    async def append(self, events: Sequence[ChainEvent]) -> None:
        for event in events:
            if isinstance(event, Block):
                self.blocks.append(event)
            elif isinstance(event, Reorg):
                self.reorgs.append(event)

    @property
    def hashes(self) -> list[str]:
        return [block.ref.hash for block in self.blocks]


@asynccontextmanager
async def watched(*nodes: FakeNode, push: bool = True) -> AsyncIterator[tuple[BlockStream, Seen]]:
    config = ChainConfig(
        block_interval_ms=20,
        stall_seconds=0.3,
        timeout_seconds=0.5,
        endpoints=[
            {"name": f"node-{place}", "http": node.http, "ws": node.ws if push else None}
            for place, node in enumerate(nodes)
        ],
    )
    seen = Seen()
    endpoints = [
        Endpoint(node, seen.series, timeout_seconds=0.5, limit_bytes=1_000_000)
        for node in config.endpoints
    ]
    stream = BlockStream(
        config,
        endpoints,
        seen.series,
        append=seen.append,
    )
    task = asyncio.create_task(stream.run())
    try:
        yield stream, seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for endpoint in endpoints:
            await endpoint.close()


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.01)


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


async def mine(node: FakeNode, count: int = 1) -> None:
    for _ in range(count):
        node.chain.mine()
        await node.push()


async def test_pushed_heads_are_evaluated_in_order(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        polls = node.calls["eth_getBlockByNumber"]
        for _ in range(10):
            await mine(node)
            await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert seen.hashes == node.chain.canonical
        assert seen.series.value(chain.endpoint_subscribed, endpoint="node-0") == 1
        # While heads are pushed they are not polled.
        assert node.calls["eth_getBlockByNumber"] - polls <= 3


async def test_without_websocket_heads_are_polled(node: FakeNode) -> None:
    async with watched(node, push=False) as (_, seen):
        await until(lambda: seen.blocks)
        node.chain.mine(5)
        await until(lambda: seen.hashes == node.chain.canonical)


async def test_a_silent_subscription_is_polled_past_and_renewed(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.muted = True
        node.chain.mine(3)
        await until(lambda: seen.hashes == node.chain.canonical)
        await until(lambda: node.calls["eth_subscribe"] > 1)


async def test_a_node_without_subscriptions_is_polled(node: FakeNode) -> None:
    node.lacks.add("eth_subscribe")
    async with watched(node) as (_, seen):
        await until(lambda: seen.blocks)
        node.chain.mine(3)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.endpoint_subscribed, endpoint="node-0") == 0


async def test_without_block_receipts_they_are_asked_one_by_one(node: FakeNode) -> None:
    node.lacks.add("eth_getBlockReceipts")
    async with watched(node) as (_, seen):
        await until(lambda: seen.blocks)
        node.chain.mine(receipts=[{"to": "0x" + "aa" * 20, "status": "0x0"}, {}])
        await node.push()
        await until(lambda: seen.hashes == node.chain.canonical)
        assert [receipt.success for receipt in seen.blocks[-1].receipts] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "null",
        "[]",
        "{}",
        '{"params":null}',
        '{"params":{"result":null}}',
        '{"params":{"result":{"number":"0x' + "f" * 40 + '"}}}',
        orjson.dumps({"params": {"result": {**FakeChain().head, "hash": None}}}).decode(),
        orjson.dumps({"params": {"result": {**FakeChain().head, "number": 5}}}).decode(),
    ],
)
async def test_a_push_that_cannot_be_read_is_counted_and_skipped(node: FakeNode, text: str) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        await node.push_raw(text)
        await mine(node)
        await until(lambda: seen.hashes == node.chain.canonical)
        labels = {"endpoint": "node-0", "method": "newHeads", "outcome": "malformed"}
        assert seen.series.value(chain.endpoint_requests, **labels) == 1


async def test_a_reorganisation_is_followed(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        await mine(node, 6)
        await until(lambda: seen.hashes == node.chain.canonical)
        node.chain.fork(3, 4)
        await node.push()
        await until(lambda: seen.hashes[-4:] == node.chain.canonical[-4:])
        assert len(seen.reorgs[0].blocks) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"raw": b"null"},
        {"raw": b"{" * 1000},
        {"cut": 7},
        {"id_shift": 1},
        {"status": 500},
        {"silent": True},
    ],
)
async def test_a_bad_time_of_the_only_node_is_survived_and_nothing_is_lost(
    node: FakeNode, fault: dict[str, Any]
) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        healthy = {name: getattr(node, name) for name in fault}
        for name, value in fault.items():
            setattr(node, name, value)
        # Fewer than it takes to give a block up, which is another test.
        node.chain.mine()
        await asyncio.sleep(0.05)
        for name, value in healthy.items():
            setattr(node, name, value)
        await mine(node, 2)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_an_unreadable_block_is_given_up_and_counted(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        node.chain.mine()
        node.chain.head["gasUsed"] = "0x" + "f" * 60
        await mine(node)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        await mine(node)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert seen.series.value(chain.blocks, stage="lost") == 1
        assert len(seen.blocks) == len(node.chain.canonical) - 1


async def test_another_endpoint_takes_over_when_the_leader_dies(node: FakeNode) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        assert stream.primary.name == "node-0"
        node.status, node.muted = 503, True
        await mine(second, 5)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert stream.primary.name == "node-1"


async def test_another_endpoint_takes_over_when_the_leader_falls_behind(node: FakeNode) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        node.behind, node.muted = 40, True
        await mine(second, 40)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert stream.primary.name == "node-1"


async def test_other_hashes_for_the_same_height_are_counted(node: FakeNode) -> None:
    forked = FakeChain()
    forked.blocks, forked.receipts = dict(node.chain.blocks), dict(node.chain.receipts)
    forked.canonical = list(node.chain.canonical)
    async with (
        running(FakeNode(forked)) as second,
        watched(node, second) as (_, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        await mine(node)
        await mine(second)
        await until(lambda: seen.series.value(chain.endpoint_divergences, endpoint="node-1") == 1)
        assert seen.series.value(chain.endpoint_divergences, endpoint="node-0") == 0


async def test_an_endpoint_of_another_chain_never_leads(node: FakeNode) -> None:
    wrong = FakeNode(FakeChain(1_000_000))
    wrong.answers["eth_chainId"] = lambda _: "0x1"
    async with running(wrong), watched(wrong, node) as (stream, seen):
        await until(lambda: node.sockets and seen.blocks)
        await mine(wrong)
        await mine(node, 5)
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert stream.primary.name == "node-1"
        assert not set(seen.hashes) & set(wrong.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0


@pytest.mark.parametrize("others", [1, 2])
async def test_a_head_far_above_all_others_drags_nothing(node: FakeNode, others: int) -> None:
    liar = FakeNode(node.chain)
    async with AsyncExitStack() as exits:
        await exits.enter_async_context(running(liar))
        rest = [FakeNode(node.chain) for _ in range(others - 1)]
        for one in rest:
            await exits.enter_async_context(running(one))
        stream, seen = await exits.enter_async_context(watched(node, *rest, liar))
        await until(lambda: node.sockets and liar.sockets and seen.blocks)
        liar.chain = FakeChain(1_000_000)
        await mine(liar)
        for _ in range(5):
            await mine(node)
            await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert stream.primary.name == "node-0"
        assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_an_endpoint_far_ahead_on_our_chain_leads(node: FakeNode) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        node.chain.mine(1_200)
        node.behind, node.muted = 1_200, True
        await second.push()
        await until(lambda: stream.primary.name == "node-1")
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])


async def test_nothing_is_given_up_for_a_head_that_the_node_does_not_have(node: FakeNode) -> None:
    async with watched(node) as (_, seen):
        await until(lambda: node.sockets and seen.blocks)
        await node.push({**FakeChain(1_000_000).head})
        await asyncio.sleep(1.0)
        await mine(node, 3)
        await until(lambda: seen.hashes == node.chain.canonical)
        assert seen.series.value(chain.blocks, stage="lost") == 0
