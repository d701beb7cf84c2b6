"""What one node answers: anvil's data, in the form of a BSC node, with the faults injected now."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import orjson

from dexwatch.demo.node.faults import Faults
from dexwatch.demo.node.heads import Heads

GWEI = 10**9
BATCH_LIMIT = 1000

_TAG_AT = {
    "eth_getBlockByNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_getBlockTransactionCountByNumber": 0,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getStorageAt": 2,
}
"""Position of the block parameter."""
_BLOCKS = frozenset({"eth_getBlockByNumber", "eth_getBlockByHash"})
_BY_HASH = frozenset({"eth_getBlockByHash", "eth_getBlockReceipts"})
_RECEIPT = "eth_getTransactionReceipt"
_FORBIDDEN = ("anvil_", "evm_", "hardhat_", "debug_", "personal_")

Answer = dict[str, Any]


class RpcProxy:
    """Answers JSON-RPC as one node of the sample: forwards to anvil and adapts the answers."""

    def __init__(self, name: str, heads: Heads, *, anvil: str, chain_id: int, limit: int) -> None:
        self.name, self.heads, self.faults = name, heads, Faults()
        self.chain_id = chain_id
        limits = httpx.Limits(max_connections=limit, max_keepalive_connections=limit)
        self._anvil = httpx.AsyncClient(base_url=anvil, limits=limits, timeout=10)
        self._shown = 0

    async def close(self) -> None:
        """Give the connections to anvil back."""
        await self._anvil.aclose()

    def head(self) -> int:
        """Return the height that the node shows; it never goes back."""
        newest = self.heads.newest.number if self.heads.newest else 0
        if not self.faults.stalled:
            self._shown = max(self._shown, newest - self.faults.lag_blocks)
        return self._shown

    def finalized(self) -> int:
        """Return the newest final height: 2 or 3 behind the head when all is well."""
        head = self.head()
        return max(head - 2 - head % 2, 0)

    async def handle(self, body: bytes) -> bytes:
        """Answer one HTTP body or WebSocket message; whatever it is, the answer is JSON-RPC."""
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            return orjson.dumps(_error(None, -32700, "parse error"))
        calls = request if isinstance(request, list) else [request]
        if not calls or len(calls) > BATCH_LIMIT or not all(map(_is_call, calls)):
            return orjson.dumps(_error(None, -32600, "invalid request"))
        if len(calls) == 1 and self._passes_unchanged(calls[0]):
            return await self._forward(body, calls)
        answers = await self._answers(calls)
        return orjson.dumps(answers if isinstance(request, list) else answers[0])

    async def _answers(self, calls: list[Mapping[str, Any]]) -> list[Answer]:
        answers: list[Answer | None] = [self._local(call) for call in calls]
        open_calls = [i for i, answer in enumerate(answers) if answer is None]
        if open_calls:
            asked = [self._resolved(calls[i]) for i in open_calls]
            # Our own ids, because callers may repeat theirs within a batch.
            body = orjson.dumps([{**call, "id": i} for i, call in enumerate(asked)])
            parsed = orjson.loads(await self._forward(body, asked))
            by_id = {a.get("id"): a for a in parsed} if isinstance(parsed, list) else {}
            for position, i in enumerate(open_calls):
                answer = by_id.get(position) or _error(None, -32000, "no answer from upstream")
                answer["id"] = calls[i].get("id")
                answers[i] = self._adapted(calls[i], answer)
        return [answer for answer in answers if answer is not None]

    async def _forward(self, body: bytes, calls: list[Mapping[str, Any]]) -> bytes:
        try:
            headers = {"content-type": "application/json"}
            return (await self._anvil.post("/", content=body, headers=headers)).content
        except httpx.HTTPError as error:
            text = f"upstream does not answer: {type(error).__name__}"
            errors = [_error(call.get("id"), -32000, text) for call in calls]
            return orjson.dumps(errors if body[:1] == b"[" else errors[0])

    def _passes_unchanged(self, call: Mapping[str, Any]) -> bool:
        """Tell whether the call may go through as raw bytes, both ways."""
        method = call["method"]
        if method in _BLOCKS or method == _RECEIPT or self._local(call) is not None:
            return False
        return self._resolved(call) is call

    def _local(self, call: Mapping[str, Any]) -> Answer | None:
        """Return the answer that needs no anvil, or None."""
        method, params = call["method"], call.get("params") or []
        known = _LOCAL.get(method)
        if known is not None:
            return _result(call, known(self))
        if method.startswith(_FORBIDDEN):
            return _error(call.get("id"), -32601, f"the method {method} does not exist")
        if method in _BY_HASH and params and len(str(params[0])) == 66:
            number = self.heads.number_of(str(params[0]))
            return _result(call, None) if number is not None and number > self.head() else None
        at = _tag_at(call)
        if at is None:
            return None
        tag = params[at]
        if isinstance(tag, dict):
            # EIP-1898: the state of one block, of which a node that is behind knows nothing.
            number = self.heads.number_of(str(tag.get("blockHash")))
            if number is not None and number > self.head():
                return _error(call.get("id"), -32000, "header for hash not found")
            return None
        number = _height(tag)
        return _result(call, None) if number is not None and number > self.head() else None

    def _resolved(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """Replace block tags by the heights that this node shows; the same object if none is."""
        at = _tag_at(call)
        if at is None:
            return call
        params = call["params"]
        if params[at] in ("finalized", "safe"):
            height = self.finalized()
        elif params[at] in ("latest", "pending") and (at == 0 or self._behind()):
            height = self.head()
        else:
            return call
        return {**call, "params": [*params[:at], hex(height), *params[at + 1 :]]}

    def _behind(self) -> bool:
        return bool(self.faults.stalled or self.faults.lag_blocks)

    def _adapted(self, call: Mapping[str, Any], answer: Answer) -> Answer:
        block = answer.get("result")
        if call["method"] in _BLOCKS and isinstance(block, dict):
            self.heads.add_bsc_fields(block)
        if call["method"] == _RECEIPT and isinstance(block, dict):
            at = _height(block.get("blockNumber"))
            if at is None or at > self.head() - self.faults.receipts_late_blocks:
                answer["result"] = None
        return answer

    def gas_price(self) -> int:
        """Return the oracle's price in wei: about 0.1 gwei, slightly moving."""
        if self.faults.gas_price_gwei is not None:
            return int(self.faults.gas_price_gwei * GWEI)
        return GWEI // 10 + (self.head() // 20 % 7 - 3) * GWEI // 200

    def syncing(self) -> bool | dict[str, str]:
        """Return what eth_syncing answers."""
        newest = self.heads.newest
        if not self.faults.lag_blocks or newest is None:
            return False
        shown = hex(self.head())
        highest = hex(newest.number)
        return {"startingBlock": shown, "currentBlock": shown, "highestBlock": highest}


_LOCAL: dict[str, Callable[[RpcProxy], object]] = {
    "eth_chainId": lambda proxy: hex(proxy.chain_id),
    "net_version": lambda proxy: str(proxy.chain_id),
    "net_listening": lambda _: True,
    "net_peerCount": lambda proxy: hex(proxy.faults.peers),
    "web3_clientVersion": lambda proxy: f"Geth/{proxy.name}/v1.7.3-sample",
    "eth_blockNumber": lambda proxy: hex(proxy.head()),
    "eth_gasPrice": lambda proxy: hex(proxy.gas_price()),
    "eth_maxPriorityFeePerGas": lambda proxy: hex(proxy.gas_price()),
    "eth_syncing": lambda proxy: proxy.syncing(),
}
"""Answers without asking anvil."""


def _is_call(call: object) -> bool:
    return (
        isinstance(call, dict)
        and isinstance(call.get("method"), str)
        and isinstance(call.get("params") or [], list)
    )


def _tag_at(call: Mapping[str, Any]) -> int | None:
    """Return where the call's block parameter stands; None where it gives none."""
    at = _TAG_AT.get(call["method"])
    return None if at is None or len(call.get("params") or ()) <= at else at


def _result(call: Mapping[str, Any], result: object) -> Answer:
    return {"jsonrpc": "2.0", "id": call.get("id"), "result": result}


def _error(call_id: object, code: int, message: str) -> Answer:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": message}}


def _height(tag: object) -> int | None:
    if isinstance(tag, str) and tag.startswith("0x") and len(tag) < 20:
        try:
            return int(tag, 16)
        except ValueError:
            return None
    return None
