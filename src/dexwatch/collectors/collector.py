"""What a collector is: it takes blocks as they come, or asks sources now and then, or both."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from dexwatch.chain.config import ChainConfig
from dexwatch.chain.stored.consumers import Consumer
from dexwatch.chain.stream import BlockStream
from dexwatch.clients.config import DatabaseConfig
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import Reorg
from dexwatch.market.config import DexConfig
from dexwatch.market.state import Market
from dexwatch.metrics.series import Series


@dataclass(frozen=True)
class CollectorContext:
    """What collectors have in common; `market` is kept by the exchange collector."""

    chain: ChainConfig
    dex: DexConfig
    database: DatabaseConfig | None
    stream: BlockStream
    consumer: Consumer
    """That of the collectors; its `tip` is the block that all of them have taken."""
    market: Market
    clock: Callable[[], datetime]
    folder: Path | None = None
    """Where collectors may keep what a restart should not lose."""


class Collector:
    """Fills its own bounded `series`; a failure of one collector touches no other.

    A collector that asks sources sets `every_seconds`, and raises `SourceError` when it cannot
    bring its metrics up to date; what it no longer knows it forgets, so that an old value is
    never shown as a present one.
    """

    name: ClassVar[str]
    keeps_market: ClassVar[bool] = False
    """It keeps the market that the others read, so it takes each block before them."""

    def __init__(self, context: CollectorContext, series: Series) -> None:
        self.context = context
        self.series = series

    @property
    def every_seconds(self) -> float | None:
        """How often `collect` runs; None for a collector that only takes blocks."""
        return None

    def on_block(self, block: Block) -> None:
        """Take a whole block; called once for each, in order, and must be quick.

        A block with very many logs is taken in a thread, while this collector's `collect` waits.
        """

    def on_reorg(self, reorg: Reorg) -> None:
        """Take notice that blocks were dropped; counters keep what they counted."""

    async def collect(self) -> None:
        """Ask the sources.

        Raises:
            SourceError: a source gave no usable answer.
        """

    async def close(self) -> None:
        """Give back what was opened."""
