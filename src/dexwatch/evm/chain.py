"""The newest part of the evaluated chain, linked by hashes: what follows, what is known, what fell.

The window is bounded, so a fork deeper than it cannot be told from a reset chain.
"""

from collections import deque

from dexwatch.evm.block import BlockRef

UNKNOWN = ""
"""The hash of a block that was skipped: its child is accepted without a check of the parent."""


class ChainWindow:
    """The last evaluated blocks of the canonical chain, oldest first; at most `depth` of them."""

    def __init__(self, depth: int) -> None:
        self._blocks: deque[BlockRef] = deque(maxlen=depth)
        self._hashes: set[str] = set()

    def __contains__(self, block_hash: object) -> bool:
        return block_hash in self._hashes

    @property
    def tip(self) -> BlockRef | None:
        """The newest evaluated block, None before the first."""
        return self._blocks[-1] if self._blocks else None

    @property
    def bottom(self) -> BlockRef | None:
        """The oldest block that is still remembered."""
        return self._blocks[0] if self._blocks else None

    def newest(self, count: int) -> tuple[BlockRef, ...]:
        """Return the newest blocks after the last one that was skipped, oldest first."""
        found: list[BlockRef] = []
        for block in reversed(self._blocks):
            if block.hash == UNKNOWN or len(found) == count:
                break
            found.append(block)
        return tuple(reversed(found))

    def follows(self, block: BlockRef) -> bool:
        """May the block be appended: right height, and its parent is the tip or unknown?"""
        tip = self.tip
        return tip is None or (
            block.number == tip.number + 1 and tip.hash in (block.parent, UNKNOWN)
        )

    def append(self, block: BlockRef) -> None:
        """Add an evaluated block.

        Raises:
            ValueError: it does not follow the tip.
        """
        if not self.follows(block):
            raise ValueError(f"block {block.number} does not follow the tip {self.tip}")
        if len(self._blocks) == self._blocks.maxlen:
            self._hashes.discard(self._blocks[0].hash)
        self._blocks.append(block)
        if block.hash != UNKNOWN:
            self._hashes.add(block.hash)

    def skip(self, number: int) -> None:
        """Pass over the block after the tip, which could not be read."""
        tip = self.tip
        self.append(BlockRef(number, UNKNOWN, tip.hash if tip else UNKNOWN))

    def above(self, block_hash: str | None) -> tuple[BlockRef, ...]:
        """Return all blocks above the given one, newest first; all that there are for None."""
        found: list[BlockRef] = []
        for block in reversed(self._blocks):
            if block.hash == block_hash:
                break
            found.append(block)
        return tuple(found)

    def roll_back_to(self, block_hash: str | None) -> tuple[BlockRef, ...]:
        """Drop all blocks above the given one, or all; returns them, newest first."""
        dropped = self.above(block_hash)
        for block in dropped:
            self._blocks.pop()
            self._hashes.discard(block.hash)
        return dropped
