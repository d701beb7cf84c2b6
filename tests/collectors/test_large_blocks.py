"""A block as full as an attacker can make it neither stops the loop nor is lost."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from dexwatch.chain.config import ChainConfig
from dexwatch.collectors.run import Watch
from dexwatch.metrics import exchange
from tests.fakes import pools as fake
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until

LOGS = 28_000
MOST_STANDSTILL_SECONDS = 1.0
"""On two cores shared with other tests; alone it is some 0.1 s."""


class LoopDelay:
    """Measures the longest time for which the loop stood still."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            now = time.monotonic()
            self.longest = max(self.longest, now - last)
            last = now


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


async def test_many_thousand_logs_of_a_watched_pool_do_not_stop_the_loop(node: FakeNode) -> None:
    config = ChainConfig(
        block_interval_ms=50,
        stall_seconds=5.0,
        timeout_seconds=60.0,
        endpoints=[{"name": "node-a", "http": node.http, "ws": node.ws}],
    )
    watched, loop_delay = Watch(config, fake.dex()), LoopDelay()

    def value(name: str) -> float | None:
        for sample in watched.samples():
            if sample.metric.name == name and dict(sample.labels).get("pool") != "V3":
                return sample.value if isinstance(sample.value, float) else None
        return None

    pair = [fake.sync(1_010, 594_100), fake.sale(10, 5_900)]
    node.chain.mine(receipts=[{"logs": pair * 100} for _ in range(LOGS // 200)])
    async with watched.run():
        measuring = asyncio.create_task(loop_delay.run())
        await node.push()
        await until(lambda: value(str(exchange.swaps)) == LOGS / 2, seconds=120)
        measuring.cancel()
    assert loop_delay.longest < MOST_STANDSTILL_SECONDS
