"""New heads of one endpoint: pushed over WebSocket, polled while the push is silent or away.

Only the newest head is kept: whoever follows the chain fills in what lies between, so a burst
needs no queue and a slow reader cannot fall behind without bound.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from dexwatch import clock
from dexwatch.chain import fetch
from dexwatch.chain.endpoint import Endpoint
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Header
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_MESSAGE_BYTES = 1_000_000
_OPEN_SECONDS = 5.0
_RECONNECT_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
_IDENTIFY_SECONDS = 0.5
_SUBSCRIPTION = "newHeads"

_log = structlog.get_logger("dexwatch.heads")


class HeadFeed:
    """Follows the head of one endpoint; `on_head` is called with each head that differs."""

    def __init__(
        self,
        endpoint: Endpoint,
        series: Series,
        *,
        chain_id: int,
        interval_seconds: float,
        stall_seconds: float,
        on_head: Callable[["HeadFeed", Header], None],
    ) -> None:
        self.endpoint = endpoint
        self.head: Header | None = None
        self.received = 0.0
        """Monotonic time at which `head` came."""
        self.up = False
        """Did the last question for, or push of, a head succeed?"""
        self.subscribed = False
        self._series = series
        self._chain_id = chain_id
        self._ours = False
        """Did it say that it serves our chain, since it last failed?"""
        self._interval = interval_seconds
        self._stall = stall_seconds
        self._on_head = on_head
        self._pushed = 0.0
        self._connection: ClientConnection | None = None
        self._set_subscribed(False)

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.endpoint.name

    def age(self) -> float:
        """Seconds since the head last changed; infinite before the first."""
        return clock.monotonic() - self.received if self.head else float("inf")

    async def run(self) -> None:
        """Follow until cancelled; whatever the endpoint does, this does not end by itself."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll())
            if self.endpoint.ws is not None:
                group.create_task(self._subscribe(self.endpoint.ws))

    async def _identify(self) -> bool:
        """Ask which chain it serves; until that is ours, none of its heads counts."""
        try:
            answer = await self.endpoint.call("eth_chainId")
            found = int(answer, 16) if isinstance(answer, str) else None
        except (SourceError, ValueError):
            self._ours = self.up = False
            return False
        self._ours = found == self._chain_id
        if not self._ours:
            self.up, self.head = False, None
        return self._ours

    async def _poll(self) -> None:
        while True:
            if not self._ours and not await self._identify():
                await asyncio.sleep(max(self._interval, _IDENTIFY_SECONDS))
                continue
            silent = clock.monotonic() - self._pushed
            if self.subscribed and silent < self._stall:
                await asyncio.sleep(min(self._interval, self._stall - silent + 0.001))
                continue
            await self._ask()
            await asyncio.sleep(self._interval)

    async def _ask(self) -> None:
        before = self.head.ref.hash if self.head else None
        subscribed = self.subscribed
        try:
            found = await fetch.header(self.endpoint)
        except SourceError as error:
            if not self.endpoint.resting:
                _log.debug("head query failed", endpoint=self.name, error=str(error))
            # Whoever answers after an outage may be another node.
            self._ours = self.up = False
            return
        self.up = found is not None
        if found is None:
            return
        self._take(found)
        if subscribed and found.ref.hash != before and self._connection is not None:
            # Blocks come but are not pushed: the subscription is dead although the socket lives.
            _log.warning("heads are no longer pushed; connecting anew", endpoint=self.name)
            with suppress(OSError, WebSocketException):
                await self._connection.close()

    async def _subscribe(self, url: str) -> None:
        failures = 0
        while True:
            try:
                if await self._listen(url):
                    failures = 0
            except (
                OSError,
                TimeoutError,
                InvalidHandshake,
                InvalidURI,
                WebSocketException,
                SourceError,
            ) as error:
                _log.info("subscription ended", endpoint=self.name, reason=type(error).__name__)
            finally:
                self._set_subscribed(False)
                self._connection = None
            failures += 1
            await asyncio.sleep(_RECONNECT_SECONDS[min(failures, len(_RECONNECT_SECONDS)) - 1])

    async def _listen(self, url: str) -> bool:
        """Listen until the connection ends; was there any push?"""
        pushes = 0
        async with connect(
            url,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1.0,
            ping_interval=10.0,
            ping_timeout=10.0,
            max_size=_MESSAGE_BYTES,
            max_queue=64,
            proxy=None,
        ) as socket:
            self._connection = socket
            if not await self._identify():
                raise SourceError(Outcome.RPC_ERROR, "the node does not serve our chain")
            request = {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "eth_subscribe",
                "params": [_SUBSCRIPTION],
            }
            await socket.send(orjson.dumps(request).decode())
            async with asyncio.timeout(_OPEN_SECONDS):
                await _confirmation(socket)
            self._set_subscribed(True)
            # Grace: silence counts from here, not from the process's start.
            self._pushed = clock.monotonic()
            async for message in socket:
                pushes += self._read(message)
        return pushes > 0

    def _read(self, message: str | bytes) -> bool:
        try:
            found = _notified(message)
        except SourceError as error:
            self._count(Outcome.MALFORMED)
            _log.debug("a push cannot be read", endpoint=self.name, error=str(error))
            return False
        self._count(Outcome.OK)
        self._pushed = clock.monotonic()
        self.up = self._ours
        self._take(found)
        return True

    def _take(self, found: Header) -> None:
        if not self._ours:
            return
        if self.head is not None and found.ref.hash == self.head.ref.hash:
            return
        self.head = found
        self.received = clock.monotonic()
        self._on_head(self, found)

    def _count(self, outcome: Outcome) -> None:
        self._series.add(
            chain.endpoint_requests,
            endpoint=self.name,
            method=_SUBSCRIPTION,
            outcome=outcome.value,
        )

    def _set_subscribed(self, value: bool) -> None:
        self.subscribed = value
        self._series.set(chain.endpoint_subscribed, float(value), endpoint=self.name)


def _notified(message: str | bytes) -> Header:
    try:
        notification = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise SourceError(Outcome.MALFORMED, "a push is not JSON") from error
    params = notification.get("params") if isinstance(notification, dict) else None
    found = fetch.read_header(params.get("result") if isinstance(params, dict) else 0)
    if found is None:
        raise SourceError(Outcome.MALFORMED, "a null head")
    return found


async def _confirmation(socket: ClientConnection) -> None:
    """Wait for the answer to the subscription; a refusal ends the connection."""
    try:
        answer = orjson.loads(await socket.recv())
    except orjson.JSONDecodeError as error:
        raise SourceError(Outcome.MALFORMED, "the subscription's answer is not JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("result"), str):
        raise SourceError(Outcome.RPC_ERROR, "the node refused to subscribe to newHeads")
