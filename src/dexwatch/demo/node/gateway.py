"""The RPC server of one node: JSON-RPC over HTTP and WebSocket on one loopback port."""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import orjson
import structlog
import uvicorn

from dexwatch.demo.node.heads import Head
from dexwatch.demo.node.rpc_proxy import HTML, RpcProxy

BODY_LIMIT = 5_000_000
QUEUE_LIMIT = 256
"""Messages that a slow subscriber may be behind before it is cut off."""

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Gateway:
    """Serves an `RpcProxy`; closes the port while the proxy's faults say `down`."""

    def __init__(self, proxy: RpcProxy, port: int) -> None:
        self.proxy, self.port = proxy, port
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._subscribers: dict[str, asyncio.Queue[bytes]] = {}
        self._pushed = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        self.proxy.heads.listeners.append(self._push)
        try:
            while True:
                if self.proxy.faults.down == (self._server is not None):
                    await (self._close() if self._server else self._open())
                await asyncio.sleep(0.05)
        finally:
            self.proxy.heads.listeners.remove(self._push)
            await self._close()
            await self.proxy.close()

    async def _open(self) -> None:
        config = uvicorn.Config(
            self._app,
            host="127.0.0.1",
            port=self.port,
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            backlog=128,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        for _ in range(200):
            if self._server.started or self._serving.done():
                return
            await asyncio.sleep(0.01)

    async def _close(self) -> None:
        server, serving = self._server, self._serving
        self._server = self._serving = None
        if server is None or serving is None:
            return
        server.should_exit = server.force_exit = True
        done, _ = await asyncio.wait([serving], timeout=3)
        if not done:
            serving.cancel()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, content, kind = 405, b'{"error":"use POST"}', b"application/json"
        if scope["method"] == "POST":
            body = bytearray()
            while True:
                event = await receive()
                body += event.get("body", b"")
                if len(body) > BODY_LIMIT or not event.get("more_body"):
                    break
            status, content = 413, b'{"error":"too large"}'
            if len(body) <= BODY_LIMIT:
                status, content = 200, await self.proxy.handle(bytes(body))
            kind = b"text/html" if content is HTML else kind
        headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _websocket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        outgoing: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        mine: list[str] = []
        sender = asyncio.create_task(self._send_all(outgoing, send))
        try:
            while True:
                event = await receive()
                if event["type"] != "websocket.receive" or sender.done():
                    return
                raw = event.get("bytes") or (event.get("text") or "").encode()
                answer = self._subscription(raw, outgoing, mine)
                outgoing.put_nowait(answer or await self.proxy.handle(raw))
        except asyncio.QueueFull:
            log.warning("sample_subscriber_too_slow", node=self.proxy.name)
        finally:
            for subscription in mine:
                self._subscribers.pop(subscription, None)
            sender.cancel()

    async def _send_all(self, outgoing: asyncio.Queue[bytes], send: Send) -> None:
        while True:
            message = await outgoing.get()
            await send({"type": "websocket.send", "text": message.decode()})

    def _subscription(
        self, raw: bytes, outgoing: asyncio.Queue[bytes], mine: list[str]
    ) -> bytes | None:
        """Answer eth_subscribe and eth_unsubscribe; None for every other message."""
        if b"subscribe" not in raw:
            return None
        try:
            call = orjson.loads(raw)
            method, params, call_id = call["method"], call["params"], call["id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return None
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": call_id}
        if method == "eth_subscribe" and params == ["newHeads"] and len(mine) < 16:
            subscription = "0x" + secrets.token_hex(16)
            self._subscribers[subscription] = outgoing
            mine.append(subscription)
            return orjson.dumps({**answer, "result": subscription})
        if method == "eth_unsubscribe":
            known = bool(params) and self._subscribers.pop(params[0], None) is not None
            return orjson.dumps({**answer, "result": known})
        error = {"code": -32601, "message": "this node offers newHeads only"}
        return orjson.dumps({**answer, "error": error})

    def _push(self, _: Head) -> None:
        shown = self.proxy.head()
        head = self.proxy.heads.get(shown)
        if shown <= self._pushed or head is None:
            return
        # After a gap only the newest head is sent, as a node does that catches up in batches.
        self._pushed = shown
        for subscription, queue in list(self._subscribers.items()):
            params = {"subscription": subscription, "result": head.header}
            message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
            try:
                queue.put_nowait(orjson.dumps(message))
            except asyncio.QueueFull:
                self._subscribers.pop(subscription, None)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process that runs us."""
        yield
