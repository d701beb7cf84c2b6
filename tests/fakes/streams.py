"""A block stream over fake nodes, and what it handed on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.stream import BlockStream
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import ChainEvent, Reorg
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode
from tests.fakes.patience import until


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
async def watched(
    *nodes: FakeNode,
    push: bool = True,
    patience_seconds: float = 20.0,
    timeout_seconds: float = 2.0,
) -> AsyncIterator[tuple[BlockStream, Seen]]:
    config = ChainConfig(
        block_interval_ms=20,
        stall_seconds=1.0,
        endpoints=[
            {"name": f"node-{place}", "http": node.http, "ws": node.ws if push else None}
            for place, node in enumerate(nodes)
        ],
    )
    seen = Seen()
    endpoints = [
        Endpoint(node, seen.series, timeout_seconds=timeout_seconds, limit_bytes=1_000_000)
        for node in config.endpoints
    ]
    stream = BlockStream(
        config,
        endpoints,
        seen.series,
        append=seen.append,
        patience_seconds=patience_seconds,
    )
    task = asyncio.create_task(stream.run())
    try:
        yield stream, seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for endpoint in endpoints:
            await endpoint.close()


async def mine(node: FakeNode, count: int = 1) -> None:
    """Mine blocks on a node's chain and push each."""
    for _ in range(count):
        node.chain.mine()
        await node.push()


async def gone(stream: BlockStream, *nodes: FakeNode) -> None:
    """Let the nodes, which are the first, go away."""
    for node in nodes:
        node.muted, node.status = True, 503
    await until(lambda: not any(feed.up for feed in stream.feeds[: len(nodes)]))


def lied(seen: Seen, liar: FakeChain, honest: FakeChain) -> set[str]:
    """Return what was evaluated although only the liar has it."""
    return set(seen.hashes) & (set(liar.blocks) - set(honest.blocks))
