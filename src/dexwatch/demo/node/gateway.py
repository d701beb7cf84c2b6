"""The RPC server of one node: JSON-RPC over HTTP and WebSocket on one loopback port."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import orjson
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dexwatch.demo.node.heads import Head
from dexwatch.demo.node.rpc_proxy import RpcProxy

BODY_LIMIT = 5_000_000
QUEUE_LIMIT = 256
"""Messages that a slow subscriber may be behind before it is cut off."""

log = structlog.get_logger(__name__)


class Gateway:
    """Serves an `RpcProxy`."""

    def __init__(self, proxy: RpcProxy, port: int) -> None:
        self.proxy, self.port = proxy, port
        self._subscribers: dict[str, asyncio.Queue[bytes]] = {}
        self._pushed = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        server = _Server(
            uvicorn.Config(
                Starlette(
                    routes=[
                        Route("/", self._http, methods=["POST"]),
                        WebSocketRoute("/", self._websocket),
                    ]
                ),
                port=self.port,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                lifespan="off",
                backlog=128,
            )
        )
        self.proxy.heads.listeners.append(self._push)
        serving = asyncio.create_task(server.serve())
        try:
            await asyncio.shield(serving)
        finally:
            self.proxy.heads.listeners.remove(self._push)
            server.should_exit = server.force_exit = True
            await asyncio.wait([serving], timeout=3)
            await self.proxy.close()

    async def _http(self, request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_LIMIT:
                return Response(status_code=413)
        return Response(await self.proxy.handle(bytes(body)), media_type="application/json")

    async def _websocket(self, socket: WebSocket) -> None:
        await socket.accept()
        outgoing: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        mine: list[str] = []
        sender = asyncio.create_task(self._send_all(outgoing, socket))
        try:
            async for text in socket.iter_text():
                if sender.done():
                    return
                raw = text.encode()
                answer = self._subscription(raw, outgoing, mine)
                outgoing.put_nowait(answer or await self.proxy.handle(raw))
        except asyncio.QueueFull:
            log.warning("sample_subscriber_too_slow", node=self.proxy.name)
        finally:
            for subscription in mine:
                self._subscribers.pop(subscription, None)
            sender.cancel()

    async def _send_all(self, outgoing: asyncio.Queue[bytes], socket: WebSocket) -> None:
        while True:
            await socket.send_text((await outgoing.get()).decode())

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
