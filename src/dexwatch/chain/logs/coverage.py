"""Does a node have the logs of a range of blocks, so that none found means that there are none?

Asked for the logs of an address, nodes answer `[]` for blocks whose receipts or index they have
pruned (erigon, reth), and some for blocks that they have not indexed yet. What a node lacks are its
oldest or its newest blocks; so it is asked at both ends for one log that is known to be there.
"""

from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.fetch import BlockFetcher
from dexwatch.chain.logs.reader import ask_logs
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Log

_QUIET_BLOCKS = 8
"""So many blocks without a log are passed over at either end; BNB Smart Chain has none such."""


async def check_coverage(endpoint: Endpoint, first: int, last: int) -> None:
    """Ask for a known log at both ends of a range, both included.

    The known log is asked for by its address and topic, as any other, since it is the index of
    these that may be missing.

    Raises:
        SourceError: the node does not show that it has the logs of the range.
    """
    await _check_end(endpoint, range(first, min(last, first + _QUIET_BLOCKS - 1) + 1))
    await _check_end(endpoint, range(last, max(first, last - _QUIET_BLOCKS + 1) - 1, -1))


async def _check_end(endpoint: Endpoint, numbers: range) -> None:
    for number in numbers:
        try:
            known = await _known_log(endpoint, number)
            if known is None:
                continue
            found = await ask_logs(endpoint, known.address, known.topics[:1], (number, number))
        except SourceError as error:
            raise _uncovered(endpoint, number, error) from error
        if all(log.index != known.index for log in found):
            left_out = SourceError(Outcome.MALFORMED, "it leaves out a log that it has")
            raise _uncovered(endpoint, number, left_out)
        return


async def _known_log(endpoint: Endpoint, number: int) -> Log | None:
    """Return a log of a block, None where its header tells that it has none.

    Without a filter nodes look into the block itself. Those that give none so, or want an address,
    are asked for receipts; these have to fit the header's bloom filter.
    """
    try:
        found = await ask_logs(endpoint, (), (), (number, number))
    except SourceError:
        found = []
    if found:
        return found[0]
    # Whole proofs belong to blocks that are evaluated; here it is only asked what is kept.
    block = await BlockFetcher(endpoint, proving=False).by_number(number)
    if block is None:
        raise SourceError(Outcome.MALFORMED, "it has no such block")
    return next((log for receipt in block.receipts for log in receipt.logs), None)


def _uncovered(endpoint: Endpoint, number: int, error: SourceError) -> SourceError:
    return SourceError(
        error.outcome,
        f"{endpoint.name} does not show that it has the logs of block {number} ({error.detail});"
        " name an endpoint that has pruned none since the pools' first_block",
        code=error.code,
    )
