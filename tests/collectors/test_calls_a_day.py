"""What watching costs in calls of a node, counted at the node; a plan is bought by this figure."""

import asyncio
from contextlib import AsyncExitStack

from dexwatch.chain.config import ChainConfig
from dexwatch.collectors.run import Watch
from tests.fakes import pools as fake
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until
from tests.fakes.streams import mine

SECONDS = 6.0
BLOCK_SECONDS = 0.45
BLOCKS_A_DAY = 192_000


async def counted(*, endpoints: int) -> list[dict[str, float]]:
    """Watch blocks at BSC's speed and return each node's calls a second by method."""
    chain = FakeChain()
    nodes = [FakeNode(chain) for _ in range(endpoints)]
    async with AsyncExitStack() as exits:
        for one in nodes:
            await exits.enter_async_context(running(one))
        config = ChainConfig(
            endpoints=[
                {"name": f"n{place}", "http": one.http, "ws": one.ws}
                for place, one in enumerate(nodes)
            ]
        )
        watch = Watch(config, fake.dex(pools=[], contracts=[], tokens=[]))
        await exits.enter_async_context(watch.run())
        await until(lambda: all(one.sockets for one in nodes) and watch.stream.tip is not None)
        before = [one.calls.copy() for one in nodes]
        loop = asyncio.get_running_loop()
        began, blocks = loop.time(), 0
        while (passed := loop.time() - began) < SECONDS:
            await asyncio.sleep(max(0.0, blocks * BLOCK_SECONDS - passed))
            await mine(nodes[0])
            for one in nodes[1:]:
                await one.push()
            blocks += 1
        await until(lambda: watch.stream.tip and watch.stream.tip.number == chain.height)
        seconds = loop.time() - began
    return [
        {method: count / seconds for method, count in (one.calls - earlier).items()}
        for one, earlier in zip(nodes, before, strict=True)
    ]


async def test_the_primary_is_asked_twice_a_block_and_little_else() -> None:
    (primary,) = await counted(endpoints=1)
    a_day = sum(primary.values()) * 86_400
    # Body and receipts of each block, finality each second, the rest now and then.
    assert a_day < 2 * BLOCKS_A_DAY * 1.1 + 86_400 * 1.3 + 60_000, primary
    assert not primary.get("eth_blockNumber")
    # No head is asked for that was pushed.
    assert primary.get("eth_getBlockByNumber", 0.0) < 1.6, primary


async def test_another_endpoint_costs_little() -> None:
    calls = await counted(endpoints=2)
    other = min(calls, key=lambda one: sum(one.values()))
    assert sum(other.values()) * 86_400 < 120_000, other
