"""Read-only contract calls by ABI signature, many in one exchange, and why a call reverts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError, ParseError
from eth_utils.crypto import keccak

from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Call
from dexwatch.evm.hexadecimal import MalformedError, data

_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


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
    endpoint: Endpoint, calls: Sequence[ViewCall], *, block: str = "latest"
) -> list[tuple[Any, ...] | SourceError]:
    """Call views in one batch; an answer is the decoded values or its own `SourceError`."""
    requests = [
        Request("eth_call", ({"to": call.address, "data": call.data}, block)) for call in calls
    ]
    answers: list[tuple[Any, ...] | SourceError] = []
    for call, answer in zip(calls, await endpoint.batch(requests), strict=True):
        if isinstance(answer, SourceError):
            answers.append(answer)
            continue
        try:
            answers.append(call.read(answer))
        except SourceError as error:
            answers.append(error)
    return answers


async def revert_reason(endpoint: Endpoint, call: Call, *, block: int) -> str:
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
    except SourceError as error:
        if error.outcome is not Outcome.RPC_ERROR:
            raise
        return read_reason(error.data, error.detail)
    return "state changed"


def read_reason(answer: str | None, message: str) -> str:
    """Turn revert data into words: the contract's text, a panic, or a custom error's selector."""
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
    return "out of gas" if "out of gas" in message.lower() else "no reason given"


def selector(signature: str) -> bytes:
    """Return the four bytes by which calldata names a method."""
    return bytes(keccak(text=signature)[:4])


def topic(signature: str) -> str:
    """Return the topic of an event's canonical signature."""
    return "0x" + bytes(keccak(text=signature)).hex()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:60]) or "empty"


def _split(signature: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    _, inputs, outputs = signature.replace(")", "").split("(")
    return _types(inputs), _types(outputs)


def _types(text: str) -> tuple[str, ...]:
    names = (part.strip() for part in text.split(",") if part.strip())
    return tuple({"uint": "uint256", "int": "int256"}.get(name, name) for name in names)
