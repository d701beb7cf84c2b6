"""Expose samples to Prometheus: one small loopback server for each of our processes.

    async with serve(watch.samples, 8910):
        ...

`/metrics` answers in the format that the asker prefers (Prometheus text or OpenMetrics),
`/healthz` says "ok" as long as the event loop runs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from http import HTTPStatus

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from dexwatch.metrics.metric import Kind, Metric
from dexwatch.metrics.sample import Distribution, Sample

Collect = Callable[[], Iterable[Sample]]

REQUEST_SECONDS = 5.0
HEAD_LIMIT = 16 * 1024
CONNECTIONS_MOST = 32

_log = structlog.get_logger(__name__)


class PortTakenError(OSError):
    """Somebody else listens on the port; the message names it."""


@contextlib.asynccontextmanager
async def serve(
    collect: Collect, port: int, *, setting: str = "port", host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Serve `/metrics` and `/healthz` while the block runs; yields the port (for `port` 0).

    `collect` is called in the event loop once a request and must be quick;
    writing the text happens in a thread. `setting` is named when the port is taken.

    Raises:
        PortTakenError: somebody else listens on the port.
    """
    door = _Door(collect)
    try:
        server = await asyncio.start_server(door.answer, host, port, limit=HEAD_LIMIT)
    except OSError as error:
        raise PortTakenError(
            f"{setting}: {host}:{port} is taken ({error.strerror}); "
            "stop the other program, or choose another port in that setting"
        ) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        door.hang_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 2.0)


def expose(samples: Iterable[Sample], *, accept: str = "text/plain") -> tuple[bytes, str]:
    """Write samples as text; return it with its content type.

    Several samples of one series: the last one counts, since Prometheus refuses duplicates.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed(tuple(samples)))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Fixed(Collector):
    """Hands prometheus_client what has been collected already."""

    def __init__(self, samples: tuple[Sample, ...]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        families: dict[str, tuple[Metric, dict[tuple[str, ...], Sample]]] = {}
        for sample in self._samples:
            values = tuple(str(sample.labels[name]) for name in sample.metric.labels)
            families.setdefault(sample.metric.name, (sample.metric, {}))[1][values] = sample
        for metric, series in families.values():
            yield _family(metric, series)


def _family(metric: Metric, series: dict[tuple[str, ...], Sample]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for values, sample in series.items():
            if isinstance(sample.value, Distribution):
                histogram.add_metric(values, _buckets(metric, sample.value), sample.value.sum)
        return histogram
    plain: CounterMetricFamily | GaugeMetricFamily
    if metric.kind is Kind.COUNTER:
        plain = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    else:
        plain = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for values, sample in series.items():
        if not isinstance(sample.value, Distribution):
            plain.add_metric(values, sample.value)
    return plain


def _buckets(metric: Metric, value: Distribution) -> list[tuple[str, float]]:
    bounds = [str(float(bound)) for bound in metric.buckets]
    # A sample from an older definition of the buckets must not shift counts into wrong bounds.
    counts = value.counts if len(value.counts) == len(bounds) else (value.total,) * len(bounds)
    return [*zip(bounds, map(float, counts), strict=True), ("+Inf", float(value.total))]


class _Door:
    """A few lines of HTTP/1.1: two paths, no bodies, one request a connection."""

    def __init__(self, collect: Collect) -> None:
        self._collect = collect
        self._writing = asyncio.Lock()
        self._open: set[asyncio.StreamWriter] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MOST:
            writer.close()
            return
        self._open.add(writer)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._answer(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            _log.debug("exposition.request_abandoned")
        finally:
            self._open.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """Close what is still open, so that a slow asker cannot hold up our end."""
        for writer in tuple(self._open):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, _, rest = first.partition(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        status, body, content_type = await self._content(
            method, rest.partition(" ")[0].partition("?")[0], headers.get("accept", "")
        )
        writer.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        if method != "HEAD":
            writer.write(body)
        await writer.drain()

    async def _content(self, method: str, path: str, accept: str) -> tuple[HTTPStatus, bytes, str]:
        text = "text/plain; charset=utf-8"
        if method not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, b"only GET\n", text
        if path == "/healthz":
            return HTTPStatus.OK, b"ok\n", text
        if path != "/metrics":
            return HTTPStatus.NOT_FOUND, b"/metrics or /healthz\n", text
        try:
            # One text at a time: several askers at once cost time, never a burst of memory.
            async with self._writing:
                samples = tuple(self._collect())
                body, content_type = await asyncio.to_thread(expose, samples, accept=accept)
        except Exception:  # noqa: BLE001 - whatever a collector does must not end the server.
            _log.exception("exposition.failed")
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"could not collect; see the log\n", text
        return HTTPStatus.OK, body, content_type
