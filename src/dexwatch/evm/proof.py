"""Is a block what its hash says? Header, transactions and receipts are hashed anew and compared.

Formats: Yellow Paper section 4.3, and EIP-2718 (typed envelopes), 2930, 1559, 4844 and 7702
(transaction types 1 to 4), 4895, 4788 and 7685 (header fields); BNB Smart Chain's are the same,
with a block's milliseconds in `mixHash` (BEP-520).
Not covered by the hashes, and believed of the node: a sender, which only its signature gives, and
what nodes derive from other fields (the price paid, the address of a created contract).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from dexwatch.evm import bloom
from dexwatch.evm.block import Block, Log, Receipt
from dexwatch.evm.hexadecimal import MalformedError, address, data, field, hash32, hex_quantity
from dexwatch.evm.keccak import keccak
from dexwatch.evm.trie import Item, encode, encode_joined, list_root, number

Part = Literal["header", "transactions", "receipts"]


class FalseBlockError(ValueError):
    """A block's content is not what its hash stands for; `part` says what of it."""

    def __init__(self, part: Part, detail: str) -> None:
        super().__init__(f"{part}: {detail}")
        self.part = part


def prove(block: Block, record: object) -> None:
    """Check a block, parsed from `record` and its receipts, against the hash that it goes by.

    `record` is the answer to `eth_getBlockBy*` with whole transactions.

    Raises:
        FalseBlockError: header, transactions or receipts do not give the hashes.
        MalformedError: a field that is hashed is missing or cannot be read.
    """
    if header_hash(record) != block.ref.hash:
        raise FalseBlockError("header", "its fields do not give the block's hash")
    if field(record, "milliTimestamp") is not None:
        seconds, beyond = _number(record, "timestamp"), _hash(record, "mixHash")
        told = 1000 * int.from_bytes(seconds, "big") + int.from_bytes(beyond, "big")
        if block.header.timestamp_ms != told:
            raise FalseBlockError("header", "milliTimestamp is not that of mixHash")
    bodies = field(record, "transactions")
    if not isinstance(bodies, list):
        raise MalformedError("transactions", bodies)
    if block.ref.number == 0 and not bodies:
        # A chain's first block is defined and not made: nobody can have left anything out of it,
        # and its roots are what its makers wrote. Hardhat's is the hash of nothing.
        return
    _prove_transactions(block, bodies, _hash(record, "transactionsRoot"))
    kinds = [_kind(body) for body in bodies]
    if receipts_root(block.receipts, kinds) != _hash(record, "receiptsRoot"):
        raise FalseBlockError("receipts", "they do not give the header's receiptsRoot")
    logs = [log.index for receipt in block.receipts for log in receipt.logs]
    if logs != list(range(len(logs))):
        raise FalseBlockError("receipts", "logs are not numbered in order")


def header_hash(record: object) -> str:
    """Return the hash of a header, computed from all of its fields.

    Raises:
        MalformedError: a field is missing or cannot be read.
    """
    items = [read(record, name) for name, read in _HEADER]
    for name, read in _LATER:
        # Each fork appended fields, so the first that is missing ends the header.
        if field(record, name) is None:
            break
        items.append(read(record, name))
    return f"0x{keccak(encode(items)).hex()}"


def transaction_envelope(body: object) -> bytes:
    """Return a signed transaction as it was sent: what its hash and the root are made of.

    Raises:
        MalformedError: a field is missing or cannot be read, or the type is not known.
    """
    kind = _kind(body)
    if kind not in _TRANSACTIONS:
        raise MalformedError("transaction.type", field(body, "type"))
    payload = encode([read(body, name) for name, read in _TRANSACTIONS[kind]])
    return bytes((kind,)) + payload if kind else payload


def receipts_root(receipts: Sequence[Receipt], kinds: Sequence[int]) -> bytes:
    """Return the root of the receipts of transactions of these EIP-2718 types."""
    gas, envelopes = 0, []
    for receipt, kind in zip(receipts, kinds, strict=True):
        gas += receipt.gas_used
        payload = encode_joined(
            encode(number(receipt.success))
            + encode(number(gas))
            + encode(bloom.of_logs(receipt.logs).to_bytes(256, "big"))
            + encode_joined(b"".join(map(_log, receipt.logs)))
        )
        envelopes.append(bytes((kind,)) + payload if kind else payload)
    return list_root(envelopes)


def _prove_transactions(block: Block, bodies: Sequence[object], root: bytes) -> None:
    envelopes = [transaction_envelope(body) for body in bodies]
    if list_root(envelopes) != root:
        raise FalseBlockError("transactions", "they do not give the header's transactionsRoot")
    for envelope, body, transaction in zip(envelopes, bodies, block.transactions, strict=True):
        if f"0x{keccak(envelope).hex()}" != transaction.hash:
            raise FalseBlockError("transactions", "one goes by another hash than its own")
        to = field(body, "to")
        if transaction.to != (None if to is None else address(to, "transaction.to")):
            raise FalseBlockError("receipts", "one names another recipient than its transaction")


def _log(log: Log) -> bytes:
    # Lengths of addresses and topics are fixed, so their prefixes are too.
    topics = "".join(f"a0{topic[2:]}" for topic in log.topics)
    listed = encode_joined(bytes.fromhex(topics))
    return encode_joined(b"\x94" + bytes.fromhex(log.address[2:]) + listed + encode(log.data))


def _kind(body: object) -> int:
    kind = field(body, "type")
    return 0 if kind is None else hex_quantity(kind, "transaction.type", bits=7)


def _hash(record: object, name: str) -> bytes:
    return bytes.fromhex(hash32(field(record, name), name)[2:])


def _data(record: object, name: str) -> bytes:
    return data(field(record, name), name)


def _number(record: object, name: str) -> bytes:
    return number(hex_quantity(field(record, name), name, bits=256))


def _address(record: object, name: str) -> bytes:
    return bytes.fromhex(address(field(record, name), name)[2:])


def _recipient(record: object, name: str) -> bytes:
    return b"" if field(record, name) is None else _address(record, name)


def _parity(record: object, name: str) -> bytes:
    return _number(record, name if field(record, name) is not None else "v")


def _listed(record: object, name: str) -> list[object]:
    found = field(record, name)
    if not isinstance(found, list):
        raise MalformedError(name, found)
    return found


def _access_list(record: object, name: str) -> Item:
    return [
        (
            _address(entry, "address"),
            [
                bytes.fromhex(hash32(key, "storageKeys")[2:])
                for key in _listed(entry, "storageKeys")
            ],
        )
        for entry in _listed(record, name)
    ]


def _hashes(record: object, name: str) -> Item:
    return [bytes.fromhex(hash32(one, name)[2:]) for one in _listed(record, name)]


def _authorizations(record: object, name: str) -> Item:
    return [[read(one, part) for part, read in _AUTHORIZATION] for one in _listed(record, name)]


_Fields = tuple[tuple[str, Callable[[object, str], Item]], ...]
"""Names in JSON, in the order in which they are hashed, and how each is read."""

_HEADER: _Fields = (
    ("parentHash", _hash),
    ("sha3Uncles", _hash),
    ("miner", _address),
    ("stateRoot", _hash),
    ("transactionsRoot", _hash),
    ("receiptsRoot", _hash),
    ("logsBloom", _data),
    ("difficulty", _number),
    ("number", _number),
    ("gasLimit", _number),
    ("gasUsed", _number),
    ("timestamp", _number),
    ("extraData", _data),
    ("mixHash", _hash),
    ("nonce", _data),
)
_LATER: _Fields = (
    ("baseFeePerGas", _number),
    ("withdrawalsRoot", _hash),
    ("blobGasUsed", _number),
    ("excessBlobGas", _number),
    ("parentBeaconBlockRoot", _hash),
    ("requestsHash", _hash),
    ("blockAccessListHash", _hash),
    ("slotNumber", _number),
)
_CHAIN_AND_NONCE: _Fields = (("chainId", _number), ("nonce", _number))
_PRICE: _Fields = (("gasPrice", _number),)
_FEES: _Fields = (("maxPriorityFeePerGas", _number), ("maxFeePerGas", _number))
_CALL: _Fields = (("gas", _number), ("to", _recipient), ("value", _number), ("input", _data))
_ACCESS: _Fields = (("accessList", _access_list),)
_RS: _Fields = (("r", _number), ("s", _number))
_SIGNATURE: _Fields = (("yParity", _parity), *_RS)
_AUTHORIZATION: _Fields = (
    ("chainId", _number),
    ("address", _address),
    ("nonce", _number),
    *_SIGNATURE,
)
_DYNAMIC: _Fields = (*_CHAIN_AND_NONCE, *_FEES, *_CALL, *_ACCESS)
_TRANSACTIONS: Mapping[int, _Fields] = {
    0: (("nonce", _number), *_PRICE, *_CALL, ("v", _number), *_RS),
    1: (*_CHAIN_AND_NONCE, *_PRICE, *_CALL, *_ACCESS, *_SIGNATURE),
    2: (*_DYNAMIC, *_SIGNATURE),
    3: (
        *_DYNAMIC,
        ("maxFeePerBlobGas", _number),
        ("blobVersionedHashes", _hashes),
        *_SIGNATURE,
    ),
    4: (*_DYNAMIC, ("authorizationList", _authorizations), *_SIGNATURE),
}
"""By EIP-2718 type; 0 is the oldest form, which has no type byte."""
