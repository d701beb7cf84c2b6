"""Expose samples to Prometheus: `/metrics` and `/healthz` of each of our processes.

    async with serve(watch.samples, 8910):
        ...

`/metrics` answers in the format that the asker prefers (Prometheus text or OpenMetrics),
`/healthz` says "ok" as long as the event loop runs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dexwatch.clients.access import Access
from dexwatch.listen import LOOPBACK
from dexwatch.metrics.metric import Kind, Metric
from dexwatch.metrics.sample import Distribution, Sample
from dexwatch.roles.http.serving import asks_for, serving

Collect = Callable[[], Iterable[Sample]]

_log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def serve(
    collect: Collect,
    port: int,
    *,
    access: Access | None = None,
    more: Sequence[Route] = (),
    setting: str = "port",
    host: str = LOOPBACK,
    names: Collection[str] = (),
    health: Path | None = None,
) -> AsyncIterator[int]:
    """Serve `/metrics`, `/healthz` and `more` while the block runs; yields the port (for `port` 0).

    Raises:
        PortTakenError: somebody else listens on the port.
    """
    application = Starlette(routes=[*routes(collect, access=access), *more])
    async with serving(
        application, port, setting=setting, host=host, names=names, health=health
    ) as taken:
        yield taken


def routes(collect: Collect, *, access: Access | None = None) -> list[Route]:
    """Return the two routes.

    `collect` is called in the event loop once a request and must be quick;
    writing the text happens in a thread. `access` is what `/metrics` asks of whoever calls it.
    """
    writing = asyncio.Lock()

    async def metrics(request: Request) -> Response:
        try:
            # One text at a time: several askers at once cost time, never a burst of memory.
            async with writing:
                samples = tuple(collect())
                body, kind = await asyncio.to_thread(
                    expose, samples, accept=request.headers.get("accept", "")
                )
        except Exception:  # noqa: BLE001 - whatever a collector does must not end the server.
            _log.exception("exposition.failed")
            return PlainTextResponse("could not collect; see the log\n", status_code=500)
        return Response(body, headers={"content-type": kind})

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return [Route("/metrics", asks_for(access, metrics)), Route("/healthz", healthy)]


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
