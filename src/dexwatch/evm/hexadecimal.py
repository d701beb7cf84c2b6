"""The scalars of JSON-RPC, read strictly: a node's answer is foreign text.

Encodings follow the execution-apis specification (ethereum/execution-apis, "Hex value encoding").
"""

import re
from collections.abc import Mapping

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}").fullmatch
_HASH = re.compile(r"0x[0-9a-fA-F]{64}").fullmatch
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}").fullmatch
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*").fullmatch

MAX_DATA_BYTES = 1_000_000
"""The longest calldata or log data that is read; BSC's own bound on a transaction is 128 KiB."""


class MalformedError(ValueError):
    """A value from a node is not what the protocol promises; `field` names the place."""

    def __init__(self, field: str, value: object) -> None:
        shown = repr(value)
        super().__init__(f"{field}: {shown if len(shown) <= 60 else shown[:57] + '...'}")
        self.field = field


def field(record: object, name: str) -> object:
    """Return `record[name]`, or None where it is missing.

    Raises:
        MalformedError: the record is not an object.
    """
    if not isinstance(record, Mapping):
        raise MalformedError(name, record)
    return record.get(name)


def hex_quantity(value: object, field: str, *, bits: int = 64) -> int:
    """Read an unsigned number such as `0x1b4` that fits into so many bits.

    Leading zeros are allowed, since some nodes write them.

    Raises:
        MalformedError: null, another type, no hexadecimal number, or too large.
    """
    if not isinstance(value, str) or _QUANTITY(value) is None:
        raise MalformedError(field, value)
    number = int(value, 16)
    if number >> bits:
        raise MalformedError(field, value)
    return number


def hash32(value: object, field: str) -> str:
    """Read a 32-byte hash or topic; returned in lower case.

    Raises:
        MalformedError: anything else.
    """
    if not isinstance(value, str) or _HASH(value) is None:
        raise MalformedError(field, value)
    return value.lower()


def address(value: object, field: str) -> str:
    """Read a 20-byte address; returned in lower case.

    Raises:
        MalformedError: anything else.
    """
    if not isinstance(value, str) or _ADDRESS(value) is None:
        raise MalformedError(field, value)
    return value.lower()


def data(value: object, field: str, *, max_bytes: int = MAX_DATA_BYTES) -> bytes:
    """Read bytes such as `0x00ff`.

    Raises:
        MalformedError: anything else, half a byte, or more bytes than allowed.
    """
    if not isinstance(value, str) or len(value) > 2 + 2 * max_bytes or _DATA(value) is None:
        raise MalformedError(field, value)
    return bytes.fromhex(value[2:])
