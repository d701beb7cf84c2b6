"""HTTP metrics, trace context and access log for any ASGI application, and the /metrics page."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from dexwatch_instrument import logs, trace
from dexwatch_instrument.bounded import Bounded
from dexwatch_instrument.platform import Platform
from dexwatch_instrument.routes import template
from dexwatch_instrument.workers import readable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

UNMATCHED = "unmatched"
"""Route of requests that no route of the application took."""

OTHER_METHOD = "_OTHER"
"""OpenTelemetry's value for a method that HTTP does not define."""

_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_CLIENT_CLOSED = 499
_LONGEST_TEXT = 2_048
"""Characters of a path or a user agent that the access log keeps."""
_log = logging.getLogger("dexwatch.access")


class HttpMetrics:
    """Middleware: `HttpMetrics(app, platform)`, or `app.add_middleware(HttpMetrics, platform=...)`.

    The route is the template ("/users/{id}"), found the way Starlette and FastAPI leave it in the
    scope; other frameworks give `route_of`, which returns None where no route matched.
    """

    def __init__(
        self,
        app: App,
        platform: Platform,
        *,
        route_of: Callable[[Scope], str | None] | None = None,
        routes: int = 200,
        access_log: bool = True,
        quiet: frozenset[str] = frozenset({"/metrics"}),
    ) -> None:
        # Middleware keeps what it wraps under this name, by which mounted routes are found.
        self.app = app
        self._families, self._sampled = platform.families, platform.sampled
        self._route_of = route_of or template
        self._routes = Bounded(routes, known=[UNMATCHED])
        self._access_log = access_log
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; a WebSocket gets a trace, only HTTP is measured."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = scope.get("headers", ())
        parent = next((value for key, value in headers if key == b"traceparent"), b"")
        token = trace.current.set(trace.begin(parent[:_LONGEST_TEXT].decode("latin-1")))
        try:
            if scope["type"] == "http":
                await self._measured(scope, receive, send)
            else:
                await self.app(scope, receive, send)
        finally:
            trace.current.reset(token)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sampled.run()
        method = scope["method"] if scope["method"] in _METHODS else OTHER_METHOD
        active = self._families.gauge("http_server_active_requests", http_request_method=method)
        exchange = _Exchange(receive, send)
        started = time.perf_counter()
        active.inc()
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.failed(error)
            raise
        finally:
            active.dec()
            self._record(scope, exchange, method, time.perf_counter() - started)

    def _record(self, scope: Scope, exchange: "_Exchange", method: str, seconds: float) -> None:
        route = self._routes(self._route_of(scope) or UNMATCHED)
        status = exchange.outcome
        labels = {
            "http_request_method": method,
            "http_route": route,
            "http_response_status_code": str(status),
        }
        histogram = self._families.histogram
        histogram("http_server_request_duration_seconds", **labels).observe(seconds)
        histogram("http_server_request_body_size_bytes", **labels).observe(exchange.received)
        histogram("http_server_response_body_size_bytes", **labels).observe(exchange.sent)
        if self._access_log and route not in self._quiet:
            _write_access_line(scope, exchange, labels, seconds)


class _Exchange:
    """One request and its answer, as the client sees them."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.received = self.sent = 0
        self._status = 0
        self._complete = self._gone = self._broken = False

    @property
    def outcome(self) -> int:
        """The status to count.

        An answer that broke off is 500, whatever its head said: the client has half of it. A client
        that left before the end is 499. Where the application gives no answer, the server says 500.
        """
        if self._complete:
            return self._status
        if self._gone:
            return _CLIENT_CLOSED
        return 500 if self._broken or not self._status else self._status

    def failed(self, error: BaseException) -> None:
        """Note with what the application ended."""
        # A server cancels because nobody waits any more; what fails after that fails for that.
        self._gone = self._gone or isinstance(error, asyncio.CancelledError)
        self._broken = not self._gone

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
        elif message["type"] == "http.disconnect" and not self._complete:
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        try:
            await self._send(message)
        except OSError:
            self._gone = True
            raise
        if message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)


class MetricsPage:
    """ASGI application that answers with the registry's metrics, those of all workers added up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Serve one request; connections of other kinds are left alone."""
        if scope["type"] != "http":
            return
        headers = dict(scope.get("headers", ()))
        encode, kind = choose_encoder(headers.get(b"accept", b"").decode("latin-1"))
        body = encode(_WithoutCreated(readable(self._registry)))
        start = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": body})


class _WithoutCreated:
    # The client's `_created` series double the number of series and nothing reads them.
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


def _write_access_line(
    scope: Scope, exchange: _Exchange, labels: dict[str, str], seconds: float
) -> None:
    status = int(labels["http_response_status_code"])
    headers = dict(scope.get("headers", ()))
    client = scope.get("client")
    fields = {
        "event.kind": "event",
        "event.category": ["web"],
        "event.type": ["access"],
        "event.action": "http-request",
        "event.outcome": "failure" if status >= 400 else "success",
        "event.duration": round(seconds * 1e9),
        "http.request.method": scope["method"],
        "http.route": labels["http_route"],
        "http.request.body.bytes": exchange.received,
        "http.response.status_code": status,
        "http.response.body.bytes": exchange.sent,
        # The query is left out: people put secrets into it.
        "url.path": scope["path"][:_LONGEST_TEXT],
        "source.ip": client[0] if client else None,
        "user_agent.original": headers.get(b"user-agent", b"")[:_LONGEST_TEXT].decode("latin-1"),
    }
    level = logging.ERROR if status >= 500 else logging.INFO
    words = f"{scope['method']} {labels['http_route']} {status}"
    logs.event(_log, words, fields, level=level)
