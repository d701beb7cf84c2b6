"""What nodes answer: bounded by method before it is parsed, with a result or a refusal in it."""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dexwatch.chain import refusals
from dexwatch.chain.refusals import Refusal
from dexwatch.clients import http
from dexwatch.clients.http import Outcome, SourceError

MONSTROUS_BYTES = 48_000_000
"""No answer is read beyond this, whatever was asked."""
_INLINE_BYTES = 64_000
"""Longer answers are parsed in a thread."""
_MAX_REVERT_DATA = 20_000
_REVERT_DATA_DEPTH = 2
_HEXADECIMAL = re.compile("0x[0-9a-fA-F]*")
_NUMBER = re.compile("[0-9]{1,18}").fullmatch
_LONGEST_WAIT = 86_400.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,12})?) ?(ms|us|µs|ns|h|m|s|)")
_DURATION = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{0,12})? ?(?:ms|us|µs|ns|h|m|s|)){1,6}")
"""As Go writes them: `1m30s`, `577.9ms`; or a bare number of seconds."""


class RpcError(SourceError):
    """A node answered properly and refused."""

    def __init__(
        self,
        detail: str,
        *,
        code: int | None,
        refusal: Refusal,
        data: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(Outcome.RPC_ERROR, detail, code=code)
        self.refusal = refusal
        self.retry_after = retry_after
        self.data = data
        """What a reverted contract call answered, in hexadecimal."""


class MonstrousAnswerError(SourceError):
    """Far more than the method can rightly answer: the node is broken or hostile."""

    def __init__(self, detail: str) -> None:
        super().__init__(Outcome.MALFORMED, detail)


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a method may answer: bytes, and JSON values counted by `{`, `[` and `,`."""

    size: int
    values: int


_SMALL = Bound(16_000, 500)
_BOUNDS = {
    "eth_blockNumber": _SMALL,
    "eth_chainId": _SMALL,
    "eth_gasPrice": _SMALL,
    "eth_syncing": _SMALL,
    "net_peerCount": _SMALL,
    "web3_clientVersion": _SMALL,
    # A header comes with the hashes of its transactions, or with all of them.
    "eth_getBlockByNumber": Bound(24_000_000, 300_000),
    "eth_getBlockByHash": Bound(24_000_000, 300_000),
    # 55 million gas pay for some 50,000 logs of the usual shape.
    "eth_getBlockReceipts": Bound(40_000_000, 1_200_000),
    "eth_getTransactionReceipt": Bound(16_000_000, 400_000),
    "eth_getLogs": Bound(16_000_000, 400_000),
    "eth_call": Bound(2_000_000, 500),
    "eth_getCode": Bound(200_000, 500),
}
_OTHER_METHOD = Bound(1_000_000, 20_000)
_HEADER = Bound(1_000_000, 20_000)


def bound(method: str, params: object = ()) -> Bound:
    """Return what a method may answer at most."""
    if method.startswith("eth_getBlockBy") and list(params or ())[-1:] == [False]:  # type: ignore[call-overload]
        return _HEADER
    return _BOUNDS.get(method, _OTHER_METHOD)


def together(bounds: Iterable[Bound]) -> Bound:
    """Return what a batch may answer at most."""
    found = tuple(bounds)
    return Bound(
        min(sum(one.size for one in found), MONSTROUS_BYTES),
        min(sum(one.values for one in found), 1_500_000),
    )


async def parse(body: bytes, most: Bound) -> Any:  # noqa: ANN401 - unchecked JSON.
    """Parse an answer; a long one in a thread, and none with more values than its method has.

    Raises:
        MonstrousAnswerError: too many values; nothing was parsed.
        SourceError: no JSON.
    """
    if len(body) <= _INLINE_BYTES:
        return _parse(body, most)
    return await asyncio.to_thread(_parse, body, most)


def _parse(body: bytes, most: Bound) -> Any:  # noqa: ANN401
    # Sixteen megabytes of `[],` are half a gigabyte of lists: counting is cheap, building is not.
    if len(body) > most.values:
        values = body.count(b",") + body.count(b"[") + body.count(b"{")
        if values > most.values:
            raise MonstrousAnswerError(f"the answer has more than {most.values} values")
    return http.decode(body)


def result(answer: object, number: int, *, status: int = 200) -> Any:  # noqa: ANN401
    """Return the result to a request, or its own `SourceError`."""
    if not isinstance(answer, dict):
        return SourceError(Outcome.MALFORMED, "a request was not answered by an object")
    if _error(answer) is not None:
        return refusal(answer, status=status)
    if request_id(answer) != number:
        return SourceError(Outcome.MALFORMED, "the answer has another id than the request")
    if "result" not in answer:
        return SourceError(Outcome.MALFORMED, "the answer has neither result nor error")
    return answer["result"]


def request_id(answer: object) -> int | None:
    """Return which request is answered, by the number that we gave it.

    It must be the same value (JSON-RPC 2.0), but some gateways and relays give it as text.
    """
    number = answer.get("id") if isinstance(answer, dict) else None
    if isinstance(number, str) and _NUMBER(number):
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def refusal(answer: dict[str, Any], *, status: int = 200) -> SourceError:
    """Read a JSON-RPC error; `status` is that of the HTTP answer around it."""
    error = _error(answer)
    if not isinstance(error, dict):
        return SourceError(Outcome.MALFORMED, "the answer's error is not an object")
    code, message, data = error.get("code"), error.get("message"), error.get("data")
    known = code if isinstance(code, int) and not isinstance(code, bool) else None
    return RpcError(
        message[:300] if isinstance(message, str) else "no reason given",
        code=known,
        refusal=refusals.classify(known, refusals.words(message, data), status),
        data=_revert_data(data),
        retry_after=_asked_wait(data),
    )


def reword(document: object, hide: Callable[[str], str]) -> None:
    """Change the messages of an answer's errors in place, before any of them is cut."""
    for answer in document if isinstance(document, list) else [document]:
        error = _error(answer) if isinstance(answer, dict) else None
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            error["message"] = hide(error["message"])


def _error(answer: dict[str, Any]) -> object:
    error = answer.get("error")
    if error is None and "result" not in answer and {"code", "message"} <= answer.keys():
        # QuickNode sends some errors without their envelope.
        return answer
    return error


def _revert_data(data: object) -> str | None:
    # Nethermind and Parity write words around it; hardhat and wallets put it deeper.
    for _ in range(_REVERT_DATA_DEPTH):
        if isinstance(data, dict):
            data = data.get("data") or data.get("originalError")
    if not isinstance(data, str) or len(data) > _MAX_REVERT_DATA:
        return None
    found = _HEXADECIMAL.search(data)
    return found[0] if found else data


def _asked_wait(data: object) -> float | None:
    """Return the seconds that an error's data asks to wait.

    Infura gives a number, beside other figures of its limit; others a text such as `577.9ms`.
    """
    if isinstance(data, dict) and isinstance(data.get("rate"), dict):
        data = data["rate"]
    if not isinstance(data, dict):
        return None
    asked = (data.get(name) for name in ("backoff_seconds", "try_again_in", "retry_after"))
    return next((found for one in asked if (found := _seconds(one)) is not None), None)


def _seconds(asked: object) -> float | None:
    if isinstance(asked, int | float) and not isinstance(asked, bool):
        return float(min(asked, _LONGEST_WAIT)) if asked >= 0 else None
    if not isinstance(asked, str) or not _DURATION.fullmatch(asked):
        return None
    parts = _DURATION_PART.findall(asked)
    return min(sum(float(count) * _UNITS[unit] for count, unit in parts), _LONGEST_WAIT)


def is_unsupported(error: object) -> bool:
    """Did the node say that it does not have the method?"""
    return isinstance(error, RpcError) and error.refusal is Refusal.UNSUPPORTED
