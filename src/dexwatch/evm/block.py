"""Blocks, transactions, receipts and logs as frozen values, read strictly from JSON-RPC's answers.

A block is kept whole: what is of no interest today is what an investigation asks for tomorrow.
"""

from dataclasses import dataclass

from dexwatch.evm.hexadecimal import MalformedError, address, data, field, hash32, hex_quantity

MAX_TOPICS = 4
_BLOOM_DIGITS = 512


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block's place in the hash-linked chain."""

    number: int
    hash: str
    parent: str


@dataclass(frozen=True, slots=True)
class Header:
    """The part of a block that is known from its head alone."""

    ref: BlockRef
    timestamp_ms: int
    """Unix milliseconds; a multiple of 1000 where the node does not tell the milliseconds."""
    gas_used: int
    gas_limit: int
    difficulty: int
    """On BSC 2 when the validator's turn was kept, 1 out of turn; 0 on chains without turns."""
    miner: str
    logs_bloom: int | None = None
    """The 2,048 bits of the header's bloom filter; None where the node does not tell it."""


@dataclass(frozen=True, slots=True)
class Log:
    """An event as the contract wrote it."""

    address: str
    topics: tuple[str, ...]
    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a sender asked for."""

    hash: str
    sender: str
    to: str | None
    """None for the creation of a contract."""
    value: int
    """In wei."""
    gas_limit: int
    input: bytes
    nonce: int | None = None
    """None where the node does not tell."""

    @property
    def selector(self) -> str:
        """The first four bytes in hexadecimal without prefix; shorter inputs give what there is."""
        return self.input[:4].hex()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a transaction."""

    transaction: str
    index: int
    sender: str
    to: str | None
    """None for the creation of a contract."""
    success: bool
    gas_used: int
    gas_price_wei: int | None
    """What was paid for a unit of gas; None where the node does not tell."""
    logs: tuple[Log, ...]
    created: str | None = None
    """The contract that the transaction created."""


@dataclass(frozen=True, slots=True)
class Block:
    """A whole block; a transaction and its receipt have the same place."""

    header: Header
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]

    @property
    def ref(self) -> BlockRef:
        """The block's place in the chain."""
        return self.header.ref

    @property
    def log_count(self) -> int:
        """How many logs its receipts hold."""
        return sum(len(receipt.logs) for receipt in self.receipts)


def parse_header(record: object) -> Header:
    """Read a header from `eth_getBlockBy*` or a `newHeads` notification.

    Raises:
        MalformedError: naming the first field that is not as promised.
    """
    ref = BlockRef(
        hex_quantity(field(record, "number"), "number"),
        hash32(field(record, "hash"), "hash"),
        hash32(field(record, "parentHash"), "parentHash"),
    )
    return Header(
        ref=ref,
        timestamp_ms=_timestamp_ms(record),
        gas_used=hex_quantity(field(record, "gasUsed"), "gasUsed"),
        gas_limit=hex_quantity(field(record, "gasLimit"), "gasLimit"),
        difficulty=hex_quantity(field(record, "difficulty"), "difficulty", bits=256),
        miner=address(field(record, "miner"), "miner"),
        logs_bloom=_bloom(field(record, "logsBloom")),
    )


def parse_block(record: object, receipts: object) -> Block:
    """Join a block (with full transactions) and its receipts; both must be of the same block hash.

    Raises:
        MalformedError: a field is wrong, or the receipts are of another block or not complete.
    """
    header = parse_header(record)
    bodies = field(record, "transactions")
    if not isinstance(bodies, list):
        raise MalformedError("transactions", bodies)
    if not isinstance(receipts, list) or len(receipts) != len(bodies):
        count = len(receipts) if isinstance(receipts, list) else receipts
        raise MalformedError("receipts", count)
    parsed = tuple(
        _receipt(receipt, header.ref.hash, place) for place, receipt in enumerate(receipts)
    )
    transactions = tuple(map(_transaction, bodies, parsed))
    return Block(header, transactions, parsed)


def parse_log(record: object) -> Log:
    """Read a log.

    Raises:
        MalformedError: naming the field.
    """
    topics = field(record, "topics")
    if not isinstance(topics, list) or len(topics) > MAX_TOPICS:
        raise MalformedError("log.topics", topics)
    return Log(
        address=address(field(record, "address"), "log.address"),
        topics=tuple(hash32(topic, "log.topics") for topic in topics),
        data=data(field(record, "data"), "log.data"),
        index=hex_quantity(field(record, "logIndex"), "log.logIndex"),
    )


def transaction_hashes(record: object) -> tuple[str, ...]:
    """Read the hashes of a block's transactions, given whole or as hashes only.

    Raises:
        MalformedError: the list or a hash is not as promised.
    """
    bodies = field(record, "transactions")
    if not isinstance(bodies, list):
        raise MalformedError("transactions", bodies)
    return tuple(
        hash32(body if isinstance(body, str) else field(body, "hash"), "transaction.hash")
        for body in bodies
    )


def _timestamp_ms(record: object) -> int:
    # BSC tells milliseconds in a field of its own; its mixHash holds them too, but on other chains
    # the mixHash is random, so it is not used.
    exact = field(record, "milliTimestamp")
    seconds = hex_quantity(field(record, "timestamp"), "timestamp", bits=40)
    if exact is None:
        return seconds * 1000
    milliseconds = hex_quantity(exact, "milliTimestamp", bits=50)
    if abs(milliseconds - seconds * 1000) >= 2000:
        raise MalformedError("milliTimestamp", exact)
    return milliseconds


def _receipt(record: object, block_hash: str, place: int) -> Receipt:
    if hash32(field(record, "blockHash"), "receipt.blockHash") != block_hash:
        raise MalformedError("receipt.blockHash", field(record, "blockHash"))
    if hex_quantity(field(record, "transactionIndex"), "receipt.transactionIndex") != place:
        raise MalformedError("receipt.transactionIndex", field(record, "transactionIndex"))
    price, to = field(record, "effectiveGasPrice"), field(record, "to")
    created = field(record, "contractAddress")
    return Receipt(
        transaction=hash32(field(record, "transactionHash"), "receipt.transactionHash"),
        index=place,
        sender=address(field(record, "from"), "receipt.from"),
        to=None if to is None else address(to, "receipt.to"),
        success=hex_quantity(field(record, "status"), "receipt.status", bits=1) == 1,
        gas_used=hex_quantity(field(record, "gasUsed"), "receipt.gasUsed"),
        gas_price_wei=None if price is None else hex_quantity(price, "receipt.effectiveGasPrice"),
        logs=_logs(field(record, "logs")),
        created=None if created is None else address(created, "receipt.contractAddress"),
    )


def _logs(records: object) -> tuple[Log, ...]:
    if not isinstance(records, list):
        raise MalformedError("receipt.logs", records)
    return tuple(map(parse_log, records))


def _transaction(body: object, receipt: Receipt) -> Transaction:
    if hash32(field(body, "hash"), "transaction.hash") != receipt.transaction:
        raise MalformedError("transaction.hash", field(body, "hash"))
    nonce = field(body, "nonce")
    return Transaction(
        hash=receipt.transaction,
        sender=receipt.sender,
        to=receipt.to,
        value=hex_quantity(field(body, "value"), "transaction.value", bits=256),
        gas_limit=hex_quantity(field(body, "gas"), "transaction.gas"),
        input=data(field(body, "input"), "transaction.input"),
        nonce=None if nonce is None else hex_quantity(nonce, "transaction.nonce"),
    )


def _bloom(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 2 + _BLOOM_DIGITS:
        raise MalformedError("logsBloom", value)
    return int.from_bytes(data(value, "logsBloom"), "big")
