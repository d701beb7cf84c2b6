"""The bloom filter of a block's logs: are all the logs there that the header tells of?

Algorithm: Ethereum Yellow Paper, section 4.3.1 (three bits of 2,048 for each address and topic).
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from dexwatch.evm.block import Block, Log
from dexwatch.evm.keccak import keccak


class Completeness(StrEnum):
    """How a block's logs compare with the bloom filter of its header."""

    COMPLETE = "complete"
    MISSING = "missing"
    """The header tells of logs that are not there."""
    FOREIGN = "foreign"
    """There are logs that the header does not tell of."""
    UNKNOWN = "unknown"
    """The header has no filter."""


def completeness(block: Block) -> Completeness:
    """Compare a block's logs with its header."""
    expected = block.header.logs_bloom
    if expected is None:
        return Completeness.UNKNOWN
    found = of_logs(log for receipt in block.receipts for log in receipt.logs)
    if found == expected:
        return Completeness.COMPLETE
    return Completeness.FOREIGN if found & ~expected else Completeness.MISSING


def of_logs(logs: Iterable[Log]) -> int:
    """Return the filter of these logs, as a number of 2,048 bits."""
    bloom = 0
    for log in logs:
        bloom |= _bits(log.address)
        for topic in log.topics:
            bloom |= _bits(topic)
    return bloom


@lru_cache(maxsize=65_536)
def _bits(value: str) -> int:
    # Hashing is the whole cost, and the same pools, routers and events come in every block.
    digest = keccak(bytes.fromhex(value[2:]))
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits
