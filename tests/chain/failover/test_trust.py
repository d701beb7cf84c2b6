"""Which endpoint leads, and what is not believed of one or of another."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from dexwatch.metrics import chain
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until
from tests.fakes.streams import gone, lied, mine, watched


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


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


@pytest.mark.parametrize("above", [5, 500, 900, 5_000])
async def test_a_chain_of_its_own_is_never_evaluated(node: FakeNode, above: int) -> None:
    liar = FakeNode(FakeChain(node.chain.start + above))
    async with running(liar), watched(node, liar) as (stream, seen):
        await until(lambda: node.sockets and liar.sockets and seen.blocks)
        for _ in range(10):
            await mine(liar)
            await mine(node)
            await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert stream.primary.name == "node-0"
        assert seen.hashes == node.chain.canonical
        assert not seen.reorgs
        assert stream.election.best_head == node.chain.height


async def test_a_made_up_chain_is_reported_although_its_head_is_far_away(node: FakeNode) -> None:
    node.chain.mine(20)
    liar = FakeNode(node.chain.twin(without=15))
    liar.chain.mine(500)
    async with running(liar), watched(node, liar) as (_, seen):
        await until(lambda: node.sockets and liar.sockets and seen.blocks)
        await mine(node, 5)
        await until(
            lambda: (seen.series.value(chain.endpoint_divergences, endpoint="node-1") or 0) > 0
        )
        assert seen.series.value(chain.endpoint_divergences, endpoint="node-0") == 0
        assert not lied(seen, liar.chain, node.chain)


async def test_leaving_the_chain_that_another_extends_is_refused_and_reported(
    node: FakeNode,
) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        honest = node.chain
        for _ in range(8):
            await mine(second)
            await node.push()
        await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
        node.chain = honest.twin(without=5)
        await mine(node, 9)
        await until(lambda: seen.series.value(chain.reorgs_refused, endpoint="node-0"))
        await mine(second, 3)
        await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
        assert stream.primary.name == "node-1"
        assert not lied(seen, node.chain, honest)


async def test_a_chain_that_began_anew_on_every_node_is_followed(node: FakeNode) -> None:
    node.chain.mine(30)
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (_, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        new = FakeChain(1, first_second=1_900_000_000)
        node.chain = second.chain = new
        for _ in range(5):
            await mine(node)
            await second.push()
        await until(lambda: seen.hashes[-1:] == new.canonical[-1:])
        assert [reorg.cause for reorg in seen.reorgs] == ["reset"]


async def test_one_of_three_leads_alone_when_it_is_on_our_chain() -> None:
    honest = FakeChain()
    nodes = [FakeNode(honest), FakeNode(honest), FakeNode(honest)]
    async with AsyncExitStack() as exits:
        for one in nodes:
            await exits.enter_async_context(running(one))
        stream, seen = await exits.enter_async_context(watched(*nodes))
        await until(lambda: seen.blocks and all(feed.head for feed in stream.feeds))
        await gone(stream, *nodes[:2])
        await mine(nodes[2], 3)
        await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
    assert stream.primary.name == "node-2"
    assert not seen.reorgs


async def test_a_primary_that_lies_about_content_gives_way_and_is_told(node: FakeNode) -> None:
    async with (
        running(FakeNode(node.chain)) as second,
        watched(node, second) as (stream, seen),
    ):
        await until(lambda: node.sockets and second.sockets and seen.blocks)
        node.answers["eth_getBlockByHash"] = lambda params: {
            **node.chain.blocks[params[0]],
            "gasUsed": "0x7",
        }
        await mine(node)
        await second.push()
        await until(lambda: seen.hashes[-1:] == node.chain.canonical[-1:])
        assert stream.primary.name == "node-1"
        assert seen.series.value(chain.blocks_refused, endpoint="node-0", part="header") == 1
        assert seen.blocks[-1].header.gas_used == 0
        assert seen.series.value(chain.blocks, stage="lost") == 0


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("trouble", ["away", "lags"])
async def test_one_that_is_away_or_lags_holds_nothing_up(count: int, trouble: str) -> None:
    honest = FakeChain()
    nodes = [FakeNode(honest) for _ in range(count)]
    async with AsyncExitStack() as exits:
        for one in nodes:
            await exits.enter_async_context(running(one))
        stream, seen = await exits.enter_async_context(watched(*nodes))
        await until(lambda: seen.blocks and all(feed.head for feed in stream.feeds))
        if trouble == "away":
            await gone(stream, nodes[0])
        # Of two, a lagging primary is given up when it is a whole stall behind: 50 blocks here.
        for place in range(60):
            honest.mine()
            nodes[0].behind = place + 1 if trouble == "lags" else 0
            for one in nodes[0 if trouble == "lags" else 1 :]:
                await one.push()
        # The one in trouble is the primary; at the most it is given up for its silence.
        await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
    assert not seen.reorgs
    assert seen.series.value(chain.blocks, stage="lost") == 0
