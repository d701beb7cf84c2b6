"""A small strict node: serves the chain that a test made, counts calls, refuses all else.

Faults are set on the node while it runs: see the fields of `FakeNode`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.fakes.chain import FakeChain


class RpcRefusal(Exception):  # noqa: N818 - What a node says, not what went wrong here.
    """Raised by an answer: the node refuses with this code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class GatewayAnswer(Exception):  # noqa: N818
    """Raised by an answer: what stands before the node answers, or never does without a body."""

    def __init__(self, status: int, body: bytes | None, headers: str = "") -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


@dataclass
class FakeNode:
    """One endpoint; several may show the same chain."""

    chain: FakeChain
    http: str = ""
    ws: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)
    """Method to what is answered instead; an exception's text becomes a JSON-RPC error."""
    raw: bytes | None = None
    """The body of every HTTP answer, whatever was asked."""
    status: int = 200
    silent: bool = False
    """Never answer."""
    id_shift: int = 0
    """Answer with another id than was asked."""
    cut: int = 0
    """Leave out so many bytes at the end of each answer although they are announced."""
    muted: bool = False
    """Push no heads, and keep the socket open."""
    behind: int = 0
    """Show the chain without its newest so many blocks."""
    lacks: set[str] = field(default_factory=set)
    """Methods that this node does not know."""
    most_calls: int = 1_000
    """A longer batch is refused as a whole, by one error without an id."""
    refused_status: int = 200
    """The HTTP status of that refusal."""
    refused_code: int = 31
    """The JSON-RPC code of that refusal."""
    answered_of_batch: int = 1_000
    """So many calls of a batch are answered, the rest by geth's "response too large"."""
    bend: Callable[[list[dict[str, Any]]], tuple[int, Any]] | None = None
    """Makes status and body of the answers to a batch; bytes are sent as they are."""
    headers: str = ""
    """More header lines of each answer."""
    exchanges: int = 0
    """HTTP requests so far, whatever they held."""
    targets: set[str] = field(default_factory=set)
    """The paths and queries that were asked."""
    early: tuple[str | bytes, ...] = ()
    """What is sent before the subscription is confirmed; a head is pushed for an empty one."""
    subscription: Any = "0x1"
    """By what the subscription is called."""
    late_receipts: int = 0
    """A block's receipts are there only after so many questions."""
    asked_receipts: Counter[str] = field(default_factory=Counter)
    sockets: set[ServerConnection] = field(default_factory=set)

    async def push(self, head: Any = None) -> None:
        """Push a head, the newest by default, to all subscribers."""
        await self.push_raw(_pushed(head or self.chain.at(self._height()) or self.chain.head))

    async def push_raw(self, text: str) -> None:
        """Push any text to all subscribers."""
        if not self.muted:
            for socket in tuple(self.sockets):
                with suppress(ConnectionClosed):
                    await socket.send(text)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        method, params = request["method"], request.get("params", [])
        self.calls[method] += 1
        envelope = {"jsonrpc": "2.0", "id": request["id"] + self.id_shift}
        if method in self.lacks:
            return {**envelope, "error": unknown(method)}
        try:
            result = (
                self.answers[method](list(params))
                if method in self.answers
                else getattr(self, f"_{method}")(*params)
            )
        except AttributeError:
            return {**envelope, "error": unknown(method)}
        except RpcRefusal as error:
            return {**envelope, "error": {"code": error.code, "message": error.message}}
        except LookupError as error:
            return {**envelope, "error": {"code": -32000, "message": str(error)}}
        return {**envelope, "result": result}

    def _height(self) -> int:
        return self.chain.height - self.behind

    def _eth_blockNumber(self) -> str:  # noqa: N802 - the protocol's name.
        return hex(self._height())

    def _eth_chainId(self) -> str:  # noqa: N802
        return "0x38"

    def _eth_syncing(self) -> bool:
        return False

    def _net_peerCount(self) -> str:  # noqa: N802
        return "0x19"

    def _eth_gasPrice(self) -> str:  # noqa: N802
        return "0x2faf080"

    def _eth_getBlockByNumber(self, tag: str, full: bool) -> Any:  # noqa: N802
        if tag in ("finalized", "safe"):
            number = max(self._height() - 2, self.chain.start)
        else:
            number = self._height() if tag == "latest" else int(tag, 16)
        if number > self._height():
            return None
        return self.chain.at(number)

    def _eth_getBlockByHash(self, block_hash: str, full: bool) -> Any:  # noqa: N802
        return self.chain.blocks.get(block_hash)

    def _eth_getBlockReceipts(self, block_hash: str) -> Any:  # noqa: N802
        if self.asked_receipts[block_hash] < self.late_receipts:
            self.asked_receipts[block_hash] += 1
            return None
        return self.chain.receipts.get(block_hash)

    def _eth_getTransactionReceipt(self, transaction: str) -> Any:  # noqa: N802
        for receipts in self.chain.receipts.values():
            for receipt in receipts:
                if receipt["transactionHash"] == transaction:
                    return receipt
        return None


@asynccontextmanager
async def running(node: FakeNode) -> AsyncIterator[FakeNode]:
    """Serve the node on two loopback ports; `node.http` and `node.ws` tell where."""
    ended = asyncio.Event()

    async def over_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not ended.is_set():
                target, body = await _request(reader)
                node.targets.add(target)
                node.exchanges += 1
                status, text, headers = _reply(node, body)
                if text is None:
                    await ended.wait()
                    return
                head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(text)}\r\n\r\n"
                writer.write(head.encode() + (text[: -node.cut] if node.cut else text))
                await writer.drain()
                if node.cut:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(over_http, "127.0.0.1", 0)
    async with serve(partial(_over_ws, node), "127.0.0.1", 0) as sockets:
        node.http = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        node.ws = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}"
        try:
            yield node
        finally:
            ended.set()
            server.close()


async def _over_ws(node: FakeNode, socket: ServerConnection) -> None:
    request = orjson.loads(await socket.recv())
    node.calls["eth_subscribe"] += 1
    if "eth_subscribe" in node.lacks:
        error = unknown("eth_subscribe")
        await socket.send(
            orjson.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).decode()
        )
        return
    for message in node.early:
        await socket.send(message or _pushed(node.chain.head))
    answer = {"jsonrpc": "2.0", "id": request["id"], "result": node.subscription}
    await socket.send(orjson.dumps(answer).decode())
    node.sockets.add(socket)
    try:
        await socket.wait_closed()
    finally:
        node.sockets.discard(socket)


def _pushed(head: dict[str, Any]) -> str:
    message = {
        "jsonrpc": "2.0",
        "method": "eth_subscription",
        "params": {"subscription": "0x1", "result": head},
    }
    return orjson.dumps(message).decode()


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return head.split(b" ", 2)[1].decode(), await reader.readexactly(length)


def _reply(node: FakeNode, body: bytes) -> tuple[int, bytes | None, str]:
    """Return status, body and headers of an answer; without a body there is none."""
    if node.silent or node.raw is not None:
        return node.status, None if node.silent else node.raw, node.headers
    try:
        return (*_answers(node, body), node.headers)
    except GatewayAnswer as gateway:
        return gateway.status, gateway.body, gateway.headers


def _answers(node: FakeNode, body: bytes) -> tuple[int, bytes]:
    asked = orjson.loads(body)
    if not isinstance(asked, list):
        return node.status, orjson.dumps(node.answer(asked))
    if len(asked) > node.most_calls:
        error = {
            "code": node.refused_code,
            "message": f"at most {node.most_calls} calls in a batch",
        }
        refusal = {"jsonrpc": "2.0", "id": None, "error": error}
        return node.refused_status, orjson.dumps(refusal)
    if node.bend is not None:
        status, body = node.bend([node.answer(request) for request in asked])
        return status, body if isinstance(body, bytes) else orjson.dumps(body)
    cut = asked[node.answered_of_batch :]
    too_large = {"code": -32003, "message": "response too large"}
    answers = [node.answer(request) for request in asked[: node.answered_of_batch]]
    answers += [{"jsonrpc": "2.0", "id": one["id"], "error": too_large} for one in cut]
    # In another order than asked, as JSON-RPC allows.
    return node.status, orjson.dumps(answers[::-1])


def unknown(method: str) -> dict[str, object]:
    """Geth's words for a method that it does not have."""
    return {
        "code": -32601,
        "message": f"the method {method} does not exist/is not available",
    }
