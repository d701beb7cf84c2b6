"""What happens to a chain that is followed, one after the other: blocks, reorganisations, skips."""

from dataclasses import dataclass
from typing import Literal

from dexwatch.evm.block import Block, BlockRef


@dataclass(frozen=True, slots=True)
class Reorg:
    """Blocks that are no longer canonical, newest first; what replaces them comes next.

    A `reorg` has a known ancestor; after a `reset` nothing of what we knew is there any more: the
    fork is deeper than the window, or it is a new chain.
    """

    blocks: tuple[BlockRef, ...]
    cause: Literal["reorg", "reset"]

    @property
    def depth(self) -> int:
        """How many evaluated blocks were dropped."""
        return len(self.blocks)


@dataclass(frozen=True, slots=True)
class Skip:
    """Heights that nobody will evaluate, both ends included: undecodable, forgotten, or too old."""

    first: int
    last: int


ChainEvent = Block | Reorg | Skip
