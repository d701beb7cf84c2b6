"""Read-only contract calls by ABI signature, many in one exchange, and why a call reverts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError, ParseError

from dexwatch.chain.answers import RpcError
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import BlockRef, Transaction
from dexwatch.evm.hexadecimal import MalformedError, data
from dexwatch.evm.keccak import keccak

_ERROR_STRING = bytes.fromhex("08c379a0")
_DATA = re.compile("0x[0-9a-fA-F]{8,}").fullmatch
_PANIC = bytes.fromhex("4e487b71")
_EIP_1898 = "EIP-1898"
_INVALID_PARAMS = (-32602, -32600)
_NO_STATE = re.compile(r"not found|missing trie node|state .*(unavailable|not available)").search
"""What nodes say where they have no state of the block: no answer of the contract."""
_REASON = re.compile(
    r"(?:execution reverted|processing transaction: revert(?!ed)|reverted with reason string"
    r"|reverted with(?= custom error))(?::\s*|\s+)(?:revert: ?)?(?P<reason>[^\s:].*)",
    re.IGNORECASE | re.DOTALL,
).search
"""Where nodes write the reason into the message: geth and those like it, hardhat, ganache."""
_NO_REASON = (Refusal.UNSUPPORTED, Refusal.RATE_LIMITED, Refusal.LIMITED)
"""The node's own refusals, of which the contract knows nothing."""


@dataclass(frozen=True)
class ViewCall:
    """A view such as `balanceOf(address)(uint256)`, where it lives and its arguments."""

    address: str
    signature: str
    arguments: tuple[object, ...] = ()
    _types: tuple[tuple[str, ...], tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_types", _split(self.signature))

    @property
    def data(self) -> str:
        """The calldata.

        Raises:
            ValueError: the arguments do not fit the signature.
        """
        inputs, _ = self._types
        name = self.signature.split("(", 1)[0]
        try:
            packed = encode(inputs, self.arguments)
        except (EncodingError, ParseError, TypeError) as error:
            raise ValueError(f"{self.signature}: the arguments do not fit: {error}") from error
        return "0x" + (selector(f"{name}({','.join(inputs)})") + packed).hex()

    def read(self, answer: object) -> tuple[Any, ...]:
        """Decode what the contract answered.

        Raises:
            SourceError: `malformed`: the answer does not fit the signature.
        """
        try:
            return tuple(decode(self._types[1], data(answer, "result")))
        except (MalformedError, DecodingError, ParseError, OverflowError) as error:
            raise SourceError(
                Outcome.MALFORMED, f"{self.signature}: the contract answered something else"
            ) from error


async def views(
    endpoint: Endpoint, calls: Sequence[ViewCall], *, block: BlockRef | None = None
) -> list[tuple[Any, ...] | SourceError]:
    """Call views in one batch; an answer is the decoded values or its own `SourceError`.

    With `block` the state is that of this very block (EIP-1898); without, of the node's newest.
    A node without EIP-1898 is asked by number, and for the hash of that number in the same batch:
    where it is another, every answer is a `SourceError`, since the block was reorganised away.
    """
    answers: list[tuple[Any, ...] | SourceError] = []
    for call, answer in zip(calls, await _answers(endpoint, calls, block), strict=True):
        if isinstance(answer, SourceError):
            answers.append(answer)
            continue
        try:
            answers.append(call.read(answer))
        except SourceError as error:
            answers.append(error)
    return answers


async def _answers(
    endpoint: Endpoint, calls: Sequence[ViewCall], block: BlockRef | None
) -> list[Any]:
    if block is None:
        return await endpoint.batch(_requests(calls, "latest"))
    if not endpoint.lacks(_EIP_1898):
        pinned = {"blockHash": block.hash}
        found = await endpoint.batch(_requests(calls, pinned))
        if not (found and all(map(_is_invalid, found))):
            return found
        endpoint.set_lacking(_EIP_1898)
    number = hex(block.number)
    check = Request("eth_getBlockByNumber", (number, False))
    *found, header = await endpoint.batch([*_requests(calls, number), check])
    if isinstance(header, SourceError):
        return [header] * len(calls)
    if not isinstance(header, dict) or header.get("hash") != block.hash:
        gone = SourceError(Outcome.MALFORMED, f"block {block.number} was reorganised away")
        return [gone] * len(calls)
    return found


def _requests(calls: Sequence[ViewCall], block: object) -> list[Request]:
    return [Request("eth_call", ({"to": call.address, "data": call.data}, block)) for call in calls]


def _is_invalid(answer: object) -> bool:
    return isinstance(answer, RpcError) and answer.code in _INVALID_PARAMS


async def revert_reason(endpoint: Endpoint, call: Transaction, *, block: int) -> str:
    """Replay a reverted call on the state before its block and return the reason in a few words.

    Earlier transactions of the same block are missing from that state, so a replay may succeed.

    Raises:
        SourceError: the node could not be asked.
    """
    request = {
        "from": call.sender,
        "to": call.to,
        "data": "0x" + call.input.hex(),
        "value": hex(call.value),
        "gas": hex(call.gas_limit),
    }
    try:
        await endpoint.call("eth_call", request, hex(max(block - 1, 0)))
    except RpcError as error:
        if error.refusal in _NO_REASON or _NO_STATE(error.detail):
            raise
        return endpoint.redact.text(read_reason(error.data, error.detail))
    return "state changed"


def read_reason(answer: str | None, message: str) -> str:
    """Turn a revert into words: the contract's text, a panic, or a custom error's selector.

    What the data says goes before the node's message.
    """
    try:
        raw = bytes.fromhex((answer or "").removeprefix("0x"))
    except ValueError:
        raw = b""
    try:
        if raw[:4] == _ERROR_STRING:
            return _printable(str(decode(["string"], raw[4:])[0]))
        if raw[:4] == _PANIC:
            return f"panic 0x{int(decode(['uint256'], raw[4:])[0]):02x}"
    except (DecodingError, OverflowError, UnicodeDecodeError):
        return "unreadable reason"
    if len(raw) >= 4:
        return f"custom error 0x{raw[:4].hex()}"
    if found := _REASON(message):
        reason = found["reason"].strip("'\" ")
        # Some nodes write the data there and nowhere else.
        return read_reason(reason, "") if _DATA(reason) else _printable(reason)
    return "out of gas" if "out of gas" in message.lower() else "no reason given"


def selector(signature: str) -> bytes:
    """Return the four bytes by which calldata names a method."""
    return keccak(signature.encode())[:4]


def topic(signature: str) -> str:
    """Return the topic of an event's canonical signature."""
    return f"0x{keccak(signature.encode()).hex()}"


def _printable(text: str) -> str:
    return (
        "".join(character if character.isprintable() else "?" for character in text[:60]) or "empty"
    )


def _split(signature: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    _, inputs, outputs = signature.replace(")", "").split("(")
    return _types(inputs), _types(outputs)


def _types(text: str) -> tuple[str, ...]:
    names = (part.strip() for part in text.split(",") if part.strip())
    return tuple({"uint": "uint256", "int": "int256"}.get(name, name) for name in names)
