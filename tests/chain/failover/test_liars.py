"""Whatever a minority of endpoints claims, what is evaluated is the chain of the others."""

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from dexwatch.metrics import chain
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until
from tests.fakes.streams import gone, lied, mine, watched


@pytest.mark.parametrize("start", [1_007, 50_000])
async def test_a_liar_does_not_lead_because_the_others_are_away(start: int) -> None:
    honest, liar = FakeChain(), FakeNode(FakeChain(start))
    good = [FakeNode(honest), FakeNode(honest)]
    async with AsyncExitStack() as exits:
        for one in (*good, liar):
            await exits.enter_async_context(running(one))
        stream, seen = await exits.enter_async_context(watched(*good, liar))
        await until(lambda: seen.blocks and all(feed.head for feed in stream.feeds))
        await gone(stream, *good)
        for _ in range(10):
            await mine(liar)
            await until(lambda: stream.feeds[2].head.ref.hash == liar.chain.canonical[-1])
            # Several turns of the stream, which looks at least once in each block's interval.
            await asyncio.sleep(0.06)
        for one in good:
            one.muted, one.status = False, 200
        await mine(good[0])
        await good[1].push()
        await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
    assert not lied(seen, liar.chain, honest)
    assert not seen.reorgs
    assert stream.primary.name != "node-2"
    assert seen.series.value(chain.blocks, stage="lost") == 0


class Liar:
    """One way of lying, drawn by chance, and done anew with each block."""

    def __init__(self, honest: FakeChain, chance: random.Random) -> None:
        self.node = FakeNode(honest)
        self.honest = honest
        self.chance = chance
        self.way = chance.choice(["own", "ahead", "fork", "extend", "stale"])
        self.made: set[str] = set()
        if self.way == "own":
            self.node.chain = FakeChain(honest.start + chance.choice([0, 7, 400, 50_000]))

    async def act(self) -> None:
        if self.way == "stale":
            self.node.behind = self.chance.randint(0, 3)
            await self.node.push()
            return
        if self.way == "ahead":
            self.node.chain = self.honest.twin()
        elif self.way == "fork":
            depth = min(self.chance.randint(1, 6), len(self.honest.canonical) - 1)
            self.node.chain = self.honest.twin(without=depth)
        elif self.way == "extend" and (
            self.node.chain is self.honest or self.chance.random() < 0.5
        ):
            self.node.chain = self.honest.twin()
        count = self.chance.randint(1, 9)
        for _ in range(count):
            self.node.chain.mine()
            self.made.add(self.node.chain.canonical[-1])
        await self.node.push()


@pytest.mark.parametrize("seed", range(12))
async def test_no_minority_gets_its_blocks_evaluated(seed: int) -> None:
    chance, honest = random.Random(seed), FakeChain()
    honest.mine(10)
    count = chance.choice([3, 5])
    liars = [Liar(honest, chance) for _ in range(chance.randint(1, (count - 1) // 2))]
    good = [FakeNode(honest) for _ in range(count - len(liars))]
    nodes = [*good, *(liar.node for liar in liars)]
    chance.shuffle(nodes)
    async with AsyncExitStack() as exits:
        for one in nodes:
            await exits.enter_async_context(running(one))
        _, seen = await exits.enter_async_context(watched(*nodes))
        await until(lambda: seen.blocks)
        for _ in range(12):
            for liar in liars:
                await liar.act()
            honest.mine()
            for one in good:
                await one.push()
            await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
    made = {block_hash for liar in liars for block_hash in liar.made}
    assert not set(seen.hashes) & made
    assert not seen.reorgs
    assert seen.series.value(chain.blocks, stage="lost") == 0


async def test_of_five_two_liars_do_not_win_where_two_others_are_away() -> None:
    honest = FakeChain()
    good, liars = [FakeNode(honest) for _ in range(3)], [FakeNode(honest), FakeNode(honest)]
    async with AsyncExitStack() as exits:
        for one in (*good, *liars):
            await exits.enter_async_context(running(one))
        stream, seen = await exits.enter_async_context(watched(*good, *liars))
        await until(lambda: seen.blocks and all(feed.head for feed in stream.feeds))
        await gone(stream, *good[:2])
        lie = honest.twin()
        for one in liars:
            one.chain = lie
        for _ in range(10):
            honest.mine()
            lie.mine()
            for one in (good[2], *liars):
                await one.push()
            await until(lambda: all(f.head.ref.hash == lie.canonical[-1] for f in stream.feeds[3:]))
            # Several turns of the stream, which looks at least once in each block's interval.
            await asyncio.sleep(0.06)
        for one in good[:2]:
            one.muted, one.status = False, 200
        honest.mine()
        for one in good:
            await one.push()
        await until(lambda: seen.hashes[-1:] == honest.canonical[-1:])
    assert not lied(seen, lie, honest)
    assert not seen.reorgs
    assert seen.series.value(chain.blocks, stage="lost") == 0
