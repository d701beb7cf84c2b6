"""The Prometheus objects of the declared metrics, made once for a registry."""

from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from dexwatch_instrument.declared import Kind
from dexwatch_instrument.metrics import METRICS

Series = TypeVar("Series", Counter, Gauge, Histogram)


class Families:
    """The Prometheus objects of every declared metric, by name, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._families: dict[str, Counter | Gauge | Histogram] = {}
        for metric in METRICS:
            if metric.kind is Kind.HISTOGRAM:
                self._families[metric.name] = Histogram(
                    metric.name,
                    metric.help,
                    metric.labels,
                    registry=registry,
                    buckets=metric.buckets,
                )
            elif metric.kind is Kind.GAUGE:
                self._families[metric.name] = Gauge(
                    metric.name,
                    metric.help,
                    metric.labels,
                    registry=registry,
                    multiprocess_mode=metric.workers,
                )
            else:
                self._families[metric.name] = Counter(
                    metric.name, metric.help, metric.labels, registry=registry
                )

    def counter(self, name: str, **labels: str) -> Counter:
        """Return a counter's series."""
        return _series(self._families[name], Counter, labels)

    def gauge(self, name: str, **labels: str) -> Gauge:
        """Return a gauge's series."""
        return _series(self._families[name], Gauge, labels)

    def histogram(self, name: str, **labels: str) -> Histogram:
        """Return a histogram's series."""
        return _series(self._families[name], Histogram, labels)


def _series(family: object, kind: type[Series], labels: dict[str, str]) -> Series:
    if not isinstance(family, kind):
        raise TypeError(f"the metric is not a {kind.__name__.lower()}")
    return family.labels(**labels) if labels else family
