"""Recursive length prefix, and the root of a Merkle Patricia trie over a list.

Algorithms: Ethereum Yellow Paper, appendices B (RLP), C (hex prefix) and D (trie).
"""

from collections.abc import Sequence

from dexwatch.evm.keccak import keccak

Item = bytes | Sequence["Item"]
"""What RLP encodes: bytes, or a list of such."""

_EMPTY = b"\x80"
_REFERENCE_BYTES = 32
"""A node of fewer bytes stands in its parent itself, a longer one by its hash."""


def encode(item: Item) -> bytes:
    """Return the RLP encoding of bytes or of a list."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _head(len(item), 0x80) + item
    return encode_joined(b"".join(map(encode, item)))


def encode_joined(payload: bytes) -> bytes:
    """Return the RLP encoding of a list whose items are encoded and joined already."""
    return _head(len(payload), 0xC0) + payload


def number(value: int) -> bytes:
    """Return a number as RLP wants it: big-endian, without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def list_root(values: Sequence[bytes]) -> bytes:
    """Return the root of the trie in which each value stands under its RLP-encoded place.

    Headers hold such roots of the block's transactions, receipts and withdrawals.
    """
    if not values:
        return keccak(_EMPTY)
    # No encoded number is the beginning of another one, so a branch never has a value of its own.
    pairs = sorted((encode(number(place)).hex(), value) for place, value in enumerate(values))
    return keccak(_node(pairs, 0))


def _head(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes((offset + length,))
    size = number(length)
    return bytes((offset + 55 + len(size),)) + size


def _node(pairs: list[tuple[str, bytes]], depth: int) -> bytes:
    """Encode the node for keys, one nibble a character, that agree up to a depth."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return encode((_hex_prefix(first[depth:], 2), pairs[0][1]))
    shared = depth
    # Sorted keys all share what the first and the last share.
    while first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        prefix = encode(_hex_prefix(first[depth:shared], 0))
        return encode_joined(prefix + _reference(_node(pairs, shared)))
    children: dict[str, list[tuple[str, bytes]]] = {}
    for pair in pairs:
        children.setdefault(pair[0][depth], []).append(pair)
    slots = (
        _reference(_node(children[nibble], depth + 1)) if nibble in children else _EMPTY
        for nibble in "0123456789abcdef"
    )
    return encode_joined(b"".join(slots) + _EMPTY)


def _reference(node: bytes) -> bytes:
    return node if len(node) < _REFERENCE_BYTES else encode(keccak(node))


def _hex_prefix(nibbles: str, flag: int) -> bytes:
    head = f"{flag + 1}" if len(nibbles) % 2 else f"{flag}0"
    return bytes.fromhex(head + nibbles)
