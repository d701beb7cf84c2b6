"""A block as plain JSON values in columns, to be stored, and back.

Columns of joined hexadecimal text compress well and are written and read fast.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from dexwatch.evm.block import Block, BlockRef, Header, Log, Receipt, Transaction

VERSION = 1


def to_record(block: Block) -> dict[str, Any]:
    """Return the block as JSON values."""
    header, logs = block.header, [log for receipt in block.receipts for log in receipt.logs]
    return {
        "version": VERSION,
        "ref": [header.ref.number, header.ref.hash, header.ref.parent],
        "header": [
            header.timestamp_ms,
            header.gas_used,
            header.gas_limit,
            hex(header.difficulty),
            header.miner,
            None if header.logs_bloom is None else hex(header.logs_bloom),
        ],
        "transactions": [
            [one.hash, one.sender, one.to, hex(one.value), one.gas_limit, one.nonce]
            for one in block.transactions
        ],
        "inputs": _join([one.input for one in block.transactions]),
        "receipts": [
            [one.success, one.gas_used, one.gas_price_wei, one.created, len(one.logs)]
            for one in block.receipts
        ],
        "emitters": "".join(log.address[2:] for log in logs),
        "topic_counts": [len(log.topics) for log in logs],
        "topics": "".join(topic[2:] for log in logs for topic in log.topics),
        "indices": [log.index for log in logs],
        "data": _join([log.data for log in logs]),
    }


def from_record(record: dict[str, Any]) -> Block:
    """Return the block of a record that `to_record` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    if record["version"] != VERSION:
        raise ValueError(f"a block record of version {record['version']}")
    number, block_hash, parent = record["ref"]
    time_ms, used, limit, difficulty, miner, bloom = record["header"]
    header = Header(
        BlockRef(number, block_hash, parent),
        time_ms,
        used,
        limit,
        int(difficulty, 16),
        miner,
        None if bloom is None else int(bloom, 16),
    )
    transactions = tuple(
        Transaction(hash_, sender, to, int(value, 16), gas_limit, input_, nonce)
        for (hash_, sender, to, value, gas_limit, nonce), input_ in zip(
            record["transactions"], _split(record["inputs"]), strict=True
        )
    )
    logs = _logs(record)
    receipts = tuple(
        Receipt(
            one.hash,
            place,
            one.sender,
            one.to,
            success,
            gas_used,
            price,
            tuple(next(logs) for _ in range(count)),
            created,
        )
        for place, (one, (success, gas_used, price, created, count)) in enumerate(
            zip(transactions, record["receipts"], strict=True)
        )
    )
    return Block(header, transactions, receipts)


def _logs(record: dict[str, Any]) -> Iterator[Log]:
    emitters, topics, at = record["emitters"], record["topics"], 0
    columns = zip(record["topic_counts"], record["indices"], _split(record["data"]), strict=True)
    for place, (count, index, data) in enumerate(columns):
        found = tuple(f"0x{topics[at + 64 * n : at + 64 * (n + 1)]}" for n in range(count))
        at += 64 * count
        yield Log(f"0x{emitters[40 * place : 40 * (place + 1)]}", found, data, index)


def _join(parts: Sequence[bytes]) -> list[Any]:
    return [[len(part) for part in parts], b"".join(parts).hex()]


def _split(column: list[Any]) -> Iterator[bytes]:
    lengths, text = column
    whole, at = bytes.fromhex(text), 0
    for length in lengths:
        yield whole[at : at + length]
        at += length
