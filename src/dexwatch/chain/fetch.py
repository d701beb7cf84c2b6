"""Whole blocks from an endpoint: header, transactions and receipts of one and the same hash."""

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from dexwatch.chain.answers import is_unsupported
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm import block as blocks
from dexwatch.evm.block import Block, Header
from dexwatch.evm.bloom import Completeness, completeness
from dexwatch.evm.hexadecimal import MalformedError, field, hash32
from dexwatch.evm.proof import FalseBlockError, prove

_RECEIPTS = "eth_getBlockReceipts"
_INLINE_TRANSACTIONS = 8
"""Larger blocks are read in a thread: a full one takes longer than the loop may stand still."""


class UnprovedBlockError(SourceError):
    """What the node gave is not what the block's hash stands for; `part` says what of it."""

    def __init__(self, error: FalseBlockError) -> None:
        super().__init__(Outcome.MALFORMED, str(error))
        self.part = error.part


class BlockReader(Protocol):
    """Something that has blocks."""

    name: str

    async def by_hash(self, block_hash: str) -> Block | None:
        """Return the block of this hash, None while the node does not have it."""

    async def by_number(self, number: int) -> Block | None:
        """Return the canonical block of a height, None while there is none."""


class BlockFetcher:
    """Reads whole blocks from one endpoint, and proves that they are what their hashes say."""

    def __init__(self, endpoint: Endpoint, *, proving: bool = True) -> None:
        self.name = endpoint.name
        self._proving = proving
        self._endpoint = endpoint
        self._blooms_match = False
        """Did its headers' filters ever fit its logs? Some chains do not fill them in."""

    async def by_hash(self, block_hash: str) -> Block | None:
        """Return the block of this hash, None while the node does not have it.

        Raises:
            UnprovedBlockError: its content does not give its hash.
            SourceError: no usable answer; `malformed` for a block that cannot be read, or not yet.
        """
        requests = [Request("eth_getBlockByHash", (block_hash, True))]
        if not self._endpoint.lacks(_RECEIPTS):
            requests.append(Request(_RECEIPTS, (block_hash,)))
        body, *rest = await self._endpoint.batch(requests)
        block = await self._join(body, rest[0] if rest else None)
        if block is not None and block.ref.hash != block_hash:
            raise SourceError(Outcome.MALFORMED, "the node gave another block than was asked for")
        return block

    async def by_number(self, number: int) -> Block | None:
        """Return the canonical block of a height, None while there is none.

        Raises:
            UnprovedBlockError, SourceError: as `by_hash`.
        """
        body = await self._endpoint.call("eth_getBlockByNumber", hex(number), True)
        if body is None:
            return None
        try:
            block_hash = hash32(field(body, "hash"), "hash")
        except MalformedError as error:
            raise SourceError(Outcome.MALFORMED, str(error)) from error
        receipts: Any = None
        if not self._endpoint.lacks(_RECEIPTS):
            # By hash, so that body and receipts are of one fork even while the chain reorganises.
            (receipts,) = await self._endpoint.batch([Request(_RECEIPTS, (block_hash,))])
        block = await self._join(body, receipts)
        if block is not None and block.ref.number != number:
            raise SourceError(Outcome.MALFORMED, "the node gave another block than was asked for")
        return block

    async def _join(self, body: Any, receipts: Any) -> Block | None:  # noqa: ANN401
        if isinstance(body, SourceError):
            raise body
        if body is None:
            return None
        try:
            hashes = blocks.transaction_hashes(body)
            if receipts is None or is_unsupported(receipts):
                receipts = await self._receipts(hashes, asked=receipts is None)
            if isinstance(receipts, SourceError):
                raise receipts
            if len(hashes) <= _INLINE_TRANSACTIONS:
                block, found = _parse(body, receipts, proving=self._proving)
            else:
                block, found = await asyncio.to_thread(
                    _parse, body, receipts, proving=self._proving
                )
        except MalformedError as error:
            raise SourceError(Outcome.MALFORMED, str(error)) from error
        except FalseBlockError as error:
            raise UnprovedBlockError(error) from error
        self._check(block, found)
        return block

    async def _receipts(self, hashes: Iterable[str], *, asked: bool) -> list[Any]:
        """Ask for the receipts by transaction, where the node does not have them by block."""
        if asked and not self._endpoint.lacks(_RECEIPTS):
            raise _incomplete("the node has no receipts of the block yet")
        requests = [Request("eth_getTransactionReceipt", (hash_,)) for hash_ in hashes]
        receipts = await self._endpoint.batch(requests)
        for receipt in receipts:
            if isinstance(receipt, SourceError):
                raise receipt
            if receipt is None:
                raise _incomplete("the node has not all receipts of the block yet")
        return receipts

    def _check(self, block: Block, found: Completeness) -> None:
        if found is Completeness.COMPLETE:
            self._blooms_match = self._blooms_match or block.log_count > 0
        elif found is Completeness.MISSING or (
            found is Completeness.FOREIGN and self._blooms_match
        ):
            raise _incomplete("the block's logs are not those that its header tells of")


def _parse(body: object, receipts: object, *, proving: bool) -> tuple[Block, Completeness]:
    block = blocks.parse_block(body, receipts)
    if not proving:
        return block, completeness(block)
    try:
        prove(block, body)
    except FalseBlockError as error:
        # Logs that come late are no lie: the bloom filter tells that some are missing.
        if error.part == "receipts" and completeness(block) is Completeness.MISSING:
            return block, Completeness.MISSING
        raise
    return block, Completeness.COMPLETE


def _incomplete(detail: str) -> SourceError:
    return SourceError(Outcome.MALFORMED, detail)


async def header(endpoint: Endpoint, tag: str = "latest") -> Header | None:
    """Return the header under a tag (latest, safe, finalized), None where the node has none.

    Raises:
        SourceError: no usable answer.
    """
    answer = await endpoint.call("eth_getBlockByNumber", tag, False)
    return read_header(answer)


def read_header(answer: object) -> Header | None:
    """Read a header that may be null.

    Raises:
        SourceError: `malformed`, naming the field.
    """
    try:
        return None if answer is None else blocks.parse_header(answer)
    except MalformedError as error:
        raise SourceError(Outcome.MALFORMED, str(error)) from error
