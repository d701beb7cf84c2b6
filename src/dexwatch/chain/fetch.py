"""Whole blocks from an endpoint: header, transactions and receipts of one and the same hash."""

from collections.abc import Iterable, Set
from typing import Any, Protocol

from dexwatch.chain.answers import is_unsupported
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm import block as blocks
from dexwatch.evm.block import Block, Header
from dexwatch.evm.hexadecimal import MalformedError, field, hash32


class BlockReader(Protocol):
    """Something that has blocks."""

    name: str

    async def by_hash(self, block_hash: str) -> Block | None:
        """Return the block of this hash, None while the node does not have it."""

    async def by_number(self, number: int) -> Block | None:
        """Return the canonical block of a height, None while there is none."""


class BlockFetcher:
    """Reads blocks from one endpoint; only logs and calls of `watched` addresses are kept."""

    def __init__(self, endpoint: Endpoint, watched: Set[str]) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._watched = watched
        self._one_by_one = False

    async def by_hash(self, block_hash: str) -> Block | None:
        """Return the block of this hash, None while the node does not have it.

        Raises:
            SourceError: no usable answer; `malformed` for a block that cannot be read.
        """
        requests = [Request("eth_getBlockByHash", (block_hash, True))]
        if not self._one_by_one:
            requests.append(Request("eth_getBlockReceipts", (block_hash,)))
        body, *rest = await self._endpoint.batch(requests)
        block = await self._join(body, rest[0] if rest else None)
        if block is not None and block.ref.hash != block_hash:
            raise SourceError(Outcome.MALFORMED, "the node gave another block than was asked for")
        return block

    async def by_number(self, number: int) -> Block | None:
        """Return the canonical block of a height, None while there is none.

        Raises:
            SourceError: as `by_hash`.
        """
        body = await self._endpoint.call("eth_getBlockByNumber", hex(number), True)
        if body is None:
            return None
        try:
            block_hash = hash32(field(body, "hash"), "hash")
        except MalformedError as error:
            raise SourceError(Outcome.MALFORMED, str(error)) from error
        receipts: Any = None
        if not self._one_by_one:
            # By hash, so that body and receipts are of one fork even while the chain reorganises.
            (receipts,) = await self._endpoint.batch(
                [Request("eth_getBlockReceipts", (block_hash,))]
            )
        block = await self._join(body, receipts)
        if block is not None and block.ref.number != number:
            raise SourceError(Outcome.MALFORMED, "the node gave another block than was asked for")
        return block

    async def _join(self, body: Any, receipts: Any) -> Block | None:  # noqa: ANN401
        if isinstance(body, SourceError):
            raise body
        if body is None:
            return None
        if isinstance(receipts, SourceError) and is_unsupported(receipts):
            self._one_by_one = True
        try:
            if self._one_by_one:
                receipts = await self._receipts(blocks.transaction_hashes(body))
            if isinstance(receipts, SourceError):
                raise receipts
            if receipts is None:
                return None
            return blocks.parse_block(body, receipts, self._watched)
        except MalformedError as error:
            raise SourceError(Outcome.MALFORMED, str(error)) from error

    async def _receipts(self, hashes: Iterable[str]) -> list[Any] | None:
        requests = [Request("eth_getTransactionReceipt", (hash_,)) for hash_ in hashes]
        receipts = await self._endpoint.batch(requests)
        for receipt in receipts:
            if isinstance(receipt, SourceError):
                raise receipt
        return None if any(receipt is None for receipt in receipts) else receipts


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
