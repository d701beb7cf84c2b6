"""JSON-RPC to anvil, for the sample's own reads and writes; and the encoding of calls."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import httpx
import orjson
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

BATCH_LIMIT = 500
"""Calls in one HTTP request; longer batches are cut."""

Json: TypeAlias = Any
"""What a node answers; nobody has checked it yet."""

Call = tuple[str, Sequence[object]]


class RpcError(RuntimeError):
    """The node answered with an error; `code` and `message` are the node's."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        self.code = error.get("code")
        self.message = str(error.get("message", ""))[:300]
        super().__init__(f"{method}: {self.message} ({self.code})")


class Rpc:
    """A client of one node; close it when done."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout_seconds)

    async def call(self, method: str, *params: object) -> Json:
        """Return the result of one call.

        Raises:
            RpcError: the node refuses the call.
            httpx.HTTPError: the node is not reachable.
        """
        [answer] = await self.batch([(method, params)])
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Json]:
        """Return the results in the order of the calls; a refused one is an `RpcError`."""
        answers: list[Json] = []
        for start in range(0, len(calls), BATCH_LIMIT):
            answers += await self._post(calls[start : start + BATCH_LIMIT])
        return answers

    async def view(self, contract: str, signature: str, *args: object) -> tuple[Json, ...]:
        """Call a view such as `balanceOf(address)(uint256)` and return what it returns."""
        function, _, outputs = signature.partition(")(")
        data = encode_call(function + ")", *args)
        raw = await self.call("eth_call", {"to": contract, "data": data}, "latest")
        return decode_output(outputs.rstrip(")"), raw)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _post(self, calls: Sequence[Call]) -> list[Json]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in enumerate(calls)
        ]
        headers = {"content-type": "application/json"}
        response = await self._client.post("/", content=orjson.dumps(body), headers=headers)
        by_id = {answer["id"]: answer for answer in orjson.loads(response.content)}
        return [_result(method, by_id.get(number)) for number, (method, _) in enumerate(calls)]


def encode_call(signature: str, *args: object) -> str:
    """Return calldata for a signature such as `transfer(address,uint256)`."""
    return "0x" + (_selector(signature) + encode(_types(signature), args)).hex()


def encode_arguments(types: Sequence[str], *args: object) -> str:
    """Return constructor arguments, hexadecimal without 0x."""
    return bytes(encode(types, args)).hex()


def decode_output(types: str, raw: str) -> tuple[Json, ...]:
    """Decode what a call returned; `types` is a comma-separated list of elementary types."""
    return tuple(decode(types.split(","), bytes.fromhex(raw.removeprefix("0x"))))


@cache
def event_topic(signature: str) -> str:
    """Return topic0 of an event such as `Transfer(address,address,uint256)`."""
    return "0x" + keccak(text=signature).hex()


@cache
def _selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


@cache
def _types(signature: str) -> tuple[str, ...]:
    inner = signature[signature.index("(") + 1 : -1]
    return tuple(inner.split(",")) if inner else ()


def _result(method: str, answer: Mapping[str, Any] | None) -> Json:
    if answer is None:
        return RpcError(method, {"code": None, "message": "no answer in the batch"})
    if "error" in answer:
        return RpcError(method, answer["error"])
    return answer.get("result")
