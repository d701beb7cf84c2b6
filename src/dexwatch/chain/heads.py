"""New heads of one endpoint: pushed over WebSocket, polled while the push is silent or away.

Only the newest head is kept: whoever follows the chain fills in what lies between, so a burst
needs no queue and a slow reader cannot fall behind without bound.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, InvalidURI, WebSocketException

from dexwatch import clock
from dexwatch.backoff import Backoff, Failures, retry_after
from dexwatch.chain import answers, fetch
from dexwatch.chain.endpoint import Endpoint
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Header
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_MESSAGE_BYTES = 1_000_000
_OPEN_SECONDS = 5.0
_RECONNECT = Backoff(first=0.5, most=15.0)
_HEALTHY_SECONDS = 30.0
"""A connection that pushed heads for so long has proved itself: the next failure is the first."""
_IDENTIFY_SECONDS = 0.5
_SUBSCRIPTION = "newHeads"
_REQUEST_ID = 1
_BEFORE_CONFIRMATION = 100
"""Some nodes push heads before they confirm the subscription; more than these is nonsense."""
_RECENT = 64

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
        self.recent: OrderedDict[str, Header] = OrderedDict()
        """Its newest heads by hash, oldest first."""
        self._pushed = 0.0
        self._connection: ClientConnection | None = None
        self._told = ""
        """Why it has no subscription, as it was told last."""
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
            self.recent.clear()
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
        failures = Failures(_RECONNECT, key=f"ws {self.name}")
        while True:
            began, asked, reason = clock.monotonic(), None, "the connection was closed"
            try:
                await self._listen(url)
            except SourceError as error:
                reason = error.detail
            except (OSError, TimeoutError, InvalidURI, WebSocketException) as error:
                reason = type(error).__name__
                if isinstance(error, InvalidStatus):
                    header = error.response.headers.get("Retry-After", "")
                    asked = retry_after(header, now=clock.now())
            finally:
                self._set_subscribed(False)
                self._connection = None
            if self._pushed - began >= _HEALTHY_SECONDS:
                failures.succeeded()
            # It is tried again and again; only what is new is told.
            tell = _log.debug if reason == self._told else _log.warning
            tell("no subscription: heads are polled", endpoint=self.name, reason=reason)
            self._told = reason
            await asyncio.sleep(failures.failed(retry_after=asked))

    async def _listen(self, url: str) -> None:
        """Listen until the connection ends."""
        async with _connect(
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
                "id": _REQUEST_ID,
                "method": "eth_subscribe",
                "params": [_SUBSCRIPTION],
            }
            await socket.send(orjson.dumps(request).decode())
            async with asyncio.timeout(_OPEN_SECONDS):
                early = await _confirmation(socket)
            self._set_subscribed(True)
            self._told = ""
            # Grace: silence counts from here, not from the process's start.
            self._pushed = clock.monotonic()
            for message in early:
                self._read(message)
            async for message in socket:
                self._read(message)

    def _read(self, message: str | bytes) -> None:
        try:
            found = _notified(self.endpoint.redact(_bytes(message)))
        except SourceError as error:
            self._count(Outcome.MALFORMED)
            _log.debug("a push cannot be read", endpoint=self.name, error=str(error))
            return
        self._count(Outcome.OK)
        if found.ref.hash not in self.recent:
            # Only news is a sign of life: a node that repeats its last head is as good as mute.
            self._pushed = clock.monotonic()
            self.up = self._ours
        self._take(found)

    def _take(self, found: Header) -> None:
        if not self._ours:
            return
        if self.head is not None and found.ref.hash == self.head.ref.hash:
            return
        self.head = self.recent[found.ref.hash] = found
        self.recent.move_to_end(found.ref.hash)
        if len(self.recent) > _RECENT:
            self.recent.popitem(last=False)
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


def _bytes(message: str | bytes) -> bytes:
    return message.encode(errors="replace") if isinstance(message, str) else message


def _notified(message: bytes) -> Header:
    try:
        notification = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise SourceError(Outcome.MALFORMED, "a push is not JSON") from error
    params = notification.get("params") if isinstance(notification, dict) else None
    found = fetch.read_header(params.get("result") if isinstance(params, dict) else 0)
    if found is None:
        raise SourceError(Outcome.MALFORMED, "a null head")
    return found


async def _confirmation(socket: ClientConnection) -> list[str | bytes]:
    """Wait for the answer to the subscription, and return what came before it.

    Relays push heads early, greet, or send signs of life; all of these are notifications, results
    of what was not asked, or no JSON-RPC at all. A refusal ends the connection.
    """
    early: list[str | bytes] = []
    while len(early) < _BEFORE_CONFIRMATION:
        message = await socket.recv()
        try:
            answer = orjson.loads(message)
        except orjson.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or "method" in answer:
            answer = {}
        # An error may name no request, where the node could not read which.
        if answer.get("error") is not None:
            break
        if "result" in answer and answers.request_id(answer) == _REQUEST_ID:
            if not _names_subscription(answer["result"]):
                raise SourceError(Outcome.MALFORMED, "the answer names no subscription to newHeads")
            return early
        early.append(message)
    raise SourceError(Outcome.RPC_ERROR, "the node refused to subscribe to newHeads")


def _names_subscription(result: object) -> bool:
    """Is it a text, as the nodes give it, or a number, as some relays do?"""
    return bool(result) if isinstance(result, str) else type(result) is int


class _connect(connect):  # noqa: N801 - It is used as the function that it replaces.
    """Follows no redirect: what stands behind it was not configured."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
