"""The chain itself: head, intervals, turns, gas, finality, reorganisations."""

from collections import deque
from typing import ClassVar

from dexwatch import clock
from dexwatch.chain import fetch
from dexwatch.chain.answers import RpcError, is_unsupported
from dexwatch.clients.http import SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm.block import Block, BlockRef, Header
from dexwatch.evm.sequence import Reorg
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_WAITING_FOR_FINALITY = 512
_FINALIZED = "finalized"
_TURNS = {2: "in", 1: "out"}


class ChainCollector(Collector):
    """Takes headers; asks the primary endpoint for the finalised block."""

    name: ClassVar[str] = "chain"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._last: BlockRef | None = None
        self._last_ms = 0
        self._not_final: deque[tuple[int, float]] = deque(maxlen=_WAITING_FOR_FINALITY)
        for depth in ("1", "2", "3-5", "6-10", "11-50", "51+", "reset"):
            series.add(chain.reorgs, 0, depth=depth)
        for cause in ("reorg", "reset"):
            series.add(chain.reorg_blocks, 0, cause=cause)

    @property
    def every_seconds(self) -> float | None:
        """Once a second: two blocks are final in about as much, and a question costs money."""
        return 1.0

    def on_block(self, block: Block) -> None:
        """Take a block's header."""
        header, series = block.header, self.series
        series.set(chain.head_block, header.ref.number)
        series.set(chain.head_timestamp, header.timestamp_ms / 1000)
        series.set(chain.difficulty, header.difficulty)
        series.add(chain.block_turns, turn=_TURNS.get(header.difficulty, "unknown"))
        if header.gas_limit:
            series.set(chain.block_gas_ratio, header.gas_used / header.gas_limit)
        if self._last is not None and header.ref.parent == self._last.hash:
            interval = (header.timestamp_ms - self._last_ms) / 1000
            series.observe(chain.block_interval_seconds, max(interval, 0.0))
        self._last, self._last_ms = header.ref, header.timestamp_ms
        arrived = self.context.stream.arrival(header.ref.hash)
        if arrived is not None:
            age = clock.monotonic() - arrived
            series.set(chain.head_received, self.context.clock().timestamp() - age)
            self._not_final.append((header.ref.number, arrived))

    def on_reorg(self, reorg: Reorg) -> None:
        """Count a reorganisation by its depth; where no ancestor was left it is a reset."""
        self.series.add(chain.reorgs, depth=_depth(reorg))
        self.series.add(chain.reorg_blocks, reorg.depth, cause=reorg.cause)
        lowest = min(ref.number for ref in reorg.blocks)
        kept = [waiting for waiting in self._not_final if waiting[0] < lowest]
        self._not_final.clear()
        self._not_final.extend(kept)

    async def collect(self) -> None:
        """Ask for the finalised block, where the node knows it."""
        try:
            final = await self._finalized()
        except SourceError:
            self.series.forget(chain.finality_lag)
            raise
        if final is None:
            self.series.forget(chain.finality_lag)
            return
        number = final.ref.number
        self.series.set(chain.finalized_block, number)
        if self._last is not None:
            self.series.set(chain.finality_lag, max(self._last.number - number, 0))
        now = clock.monotonic()
        while self._not_final and self._not_final[0][0] <= number:
            self.series.observe(chain.finality_seconds, now - self._not_final.popleft()[1])

    async def _finalized(self) -> Header | None:
        primary = self.context.stream.primary
        if primary.lacks(_FINALIZED):
            return None
        try:
            return await fetch.header(primary, _FINALIZED)
        except RpcError as error:
            # geth says "finalized block not found" until it has heard of one: asked again.
            if is_unsupported(error):
                primary.set_lacking(_FINALIZED)
            return None


def _depth(reorg: Reorg) -> str:
    if reorg.cause == "reset":
        return "reset"
    if reorg.depth <= 2:
        return str(reorg.depth)
    bounds = ((5, "3-5"), (10, "6-10"), (50, "11-50"))
    return next((name for most, name in bounds if reorg.depth <= most), "51+")
