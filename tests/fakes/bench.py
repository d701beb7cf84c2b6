"""A watch to which a test gives the blocks, without any network."""

from typing import Any

from dexwatch.chain.config import ChainConfig
from dexwatch.collectors.run import Watch
from dexwatch.evm.block import BlockRef, parse_block
from dexwatch.evm.sequence import Reorg
from dexwatch.market.history import PoolState
from dexwatch.market.state import WatchedPool
from dexwatch.metrics.metric import Metric
from tests.fakes import pools as fake
from tests.fakes.chain import FakeChain

ENDPOINT = {"name": "node-a", "http": "http://127.0.0.1:1"}


class Bench:
    """A watch to which a test gives the blocks."""

    def __init__(self, **options: Any) -> None:
        self.chain = FakeChain()
        self.dex = fake.dex(**options)
        self.watch = Watch(ChainConfig(endpoints=[ENDPOINT]), self.dex)

    def block(self, *receipts: dict[str, Any]) -> BlockRef:
        self.chain.mine(receipts=list(receipts))
        head = self.chain.head
        block = parse_block(head, self.chain.receipts[head["hash"]])
        self.watch._on_block(block)
        return block.ref

    def retract(self, *refs: BlockRef) -> None:
        self.watch._on_reorg(Reorg(refs, "reorg"))

    def reset(self, *refs: BlockRef) -> None:
        self.watch._on_reorg(Reorg(refs, "reset"))

    def pool(self, address: str) -> WatchedPool:
        return self.watch.context.market.pools[address]

    def tell(self, address: str, state: PoolState, at: BlockRef | None = None) -> None:
        """Let the chain tell a pool's state after a block, before the first one by default."""
        before_all = BlockRef(self.chain.start - 1, "", "")
        self.watch.context.market.refresh(self.pool(address), state, at or before_all)

    def value(self, metric: Metric, **labels: str) -> Any:
        found = [
            sample.value
            for sample in self.watch.samples()
            if sample.metric.name == metric.name and dict(sample.labels) == labels
        ]
        assert len(found) < 2
        return found[0] if found else None
