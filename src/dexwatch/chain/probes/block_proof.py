"""Would a node's blocks be taken? One of its newest is read and proved, as the stream does it."""

from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.fetch import BlockFetcher, UnprovedBlockError
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.probing import ProbeError
from dexwatch.evm.block import Block

REMEDY = (
    "No block that is not proved is evaluated. If other endpoints prove theirs, this one alters"
    " what it gives: take it out of `chain.endpoints`. If none does, this chain hashes its blocks"
    " in another way: set `chain.prove_blocks: false`."
)
LATE_REMEDY = (
    "Try again in a minute: a node that has just started, or is behind, lacks parts of its blocks."
    f" If it goes on: {REMEDY}"
)
_SETTLED_BLOCKS = 2
"""Nodes may have the receipts of their newest blocks a moment later than the blocks."""
_BLOCKS_TRIED = 5
"""So many blocks are tried until one has a transaction."""


async def prove_recent(node: Endpoint, head: int) -> str:
    """Prove a block a little below the head, with transactions where one has some; say of what.

    Raises:
        ProbeError: a block is not proved.
        SourceError: it was not answered.
    """
    fetcher = BlockFetcher(node)
    first = max(head - _SETTLED_BLOCKS, 0)
    last = max(first - _BLOCKS_TRIED + 1, 0)
    for number in range(first, last - 1, -1):
        block = await _proved(fetcher, number)
        if block.transactions:
            held = f"transactions: {len(block.transactions)}, logs: {block.log_count}"
            return f"block {number:,} proved by its hash ({held})"
    return f"blocks {last:,} to {first:,} proved by their hashes (none holds a transaction)"


async def _proved(fetcher: BlockFetcher, number: int) -> Block:
    try:
        block = await fetcher.by_number(number)
    except UnprovedBlockError as error:
        told = f"block {number:,} is not proved by its hash ({error.detail})"
        raise ProbeError(told, remedy=REMEDY) from error
    except SourceError as error:
        if error.outcome is not Outcome.MALFORMED:
            raise
        told = f"block {number:,} is not whole ({error.detail})"
        raise ProbeError(told, remedy=LATE_REMEDY) from error
    if block is None:
        raise ProbeError(f"it tells of newer blocks, and has no block {number:,}")
    return block
