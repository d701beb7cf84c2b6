"""The console's own metrics: requests by route and answer, how long they took, open streams."""

from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dexwatch import clock
from dexwatch.metrics import own
from dexwatch.metrics.sample import Sample
from dexwatch.metrics.series import Series

STREAM = "/stream"
_BROKEN = 500
_METHODS = frozenset({"GET", "HEAD", "POST"})


class Measurements:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self._series = Series()
        self._streams = 0

    def samples(self) -> Iterator[Sample]:
        """Yield what has been counted."""
        yield Sample(own.console_streams, float(self._streams), {})
        yield from self._series.samples()

    def opened(self) -> None:
        """Count a stream that begins."""
        self._streams += 1

    def closed(self) -> None:
        """Count a stream that ends."""
        self._streams -= 1

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request; the route is the pattern, never the address that a stranger wrote."""
        route = str(getattr(scope.get("route"), "path", "none"))
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._series.add(own.console_requests, route=route, method=method, status=str(status))
        # A stream lasts as long as its page is open, which tells nothing about speed.
        if route != STREAM:
            self._series.observe(own.console_request_seconds, seconds, route=route)


class Measured:
    """Middleware: counts each request that reached the pages."""

    def __init__(self, app: ASGIApp, *, measurements: Measurements) -> None:
        self._app, self._measurements = app, measurements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, streaming = clock.monotonic(), _BROKEN, False

        async def watched(message: Message) -> None:
            nonlocal status, streaming
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope["path"] == STREAM and status < 400:
                    streaming = True
                    self._measurements.opened()
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            if streaming:
                self._measurements.closed()
            self._measurements.answered(scope, status, clock.monotonic() - began)
