"""The present values of declared metrics: counters that only rise, gauges, histograms; bounded."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dexwatch.metrics.metric import Kind, Metric
from dexwatch.metrics.sample import Distribution, Sample

MAX_VALUE = 120
"""Label values are cut to so many characters: they may come from outside."""

_Key = tuple[str, tuple[str, ...]]


@dataclass(slots=True)
class _Histogram:
    counts: list[int]
    sum: float = 0.0


@dataclass
class Series:
    """Values by metric and labels; at most `limit` series, and what is above is dropped, counted.

    Labels are given by name; a missing or unknown label is an error of the programmer.
    """

    limit: int = 1_000
    dropped: int = 0
    _metrics: dict[str, Metric] = field(default_factory=dict)
    _numbers: dict[_Key, float] = field(default_factory=dict)
    _histograms: dict[_Key, _Histogram] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many series there are."""
        return len(self._numbers) + len(self._histograms)

    def add(self, metric: Metric, amount: float = 1.0, **labels: str) -> None:
        """Raise a counter; an amount below zero is refused by ValueError."""
        if amount < 0:
            raise ValueError(f"{metric}: a counter does not fall")
        key = self._key(metric, Kind.COUNTER, labels)
        if key in self._numbers or self._room():
            self._numbers[key] = self._numbers.get(key, 0.0) + amount

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge, or a counter that is kept elsewhere, as in a database."""
        key = self._key(metric, metric.kind, labels)
        if key in self._numbers or self._room():
            self._numbers[key] = value

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add an observation to a histogram."""
        key = self._key(metric, Kind.HISTOGRAM, labels)
        found = self._histograms.get(key)
        if found is None:
            if not self._room():
                return
            found = self._histograms[key] = _Histogram([0] * (len(metric.buckets) + 1))
        found.counts[bisect_left(metric.buckets, value)] += 1
        found.sum += value

    def value(self, metric: Metric, **labels: str) -> float | None:
        """Return the present value of a counter or gauge."""
        return self._numbers.get(self._key(metric, metric.kind, labels))

    def forget(self, metric: Metric, **labels: str) -> None:
        """Drop a metric's series that carry these labels: a value that is not known is absent."""
        positions = [
            (metric.labels.index(name), value[:MAX_VALUE]) for name, value in labels.items()
        ]
        for values in (self._numbers, self._histograms):
            for key in [key for key in values if key[0] == metric.name]:
                if all(key[1][place] == value for place, value in positions):
                    del values[key]

    def samples(self) -> Iterator[Sample]:
        """Give every series, in the order in which they first appeared.

        Another thread may be adding to them: what is given is a copy.
        """
        for (name, values), number in tuple(self._numbers.items()):
            metric = self._metrics[name]
            yield Sample(metric, number, dict(zip(metric.labels, values, strict=True)))
        for (name, values), found in tuple(self._histograms.items()):
            metric = self._metrics[name]
            counts, running = [], 0
            for count in found.counts:
                running += count
                counts.append(running)
            distribution = Distribution(tuple(counts[:-1]), running, found.sum)
            yield Sample(metric, distribution, dict(zip(metric.labels, values, strict=True)))

    def _room(self) -> bool:
        if self.count < self.limit:
            return True
        self.dropped += 1
        return False

    def _key(self, metric: Metric, kind: Kind, labels: Mapping[str, str]) -> _Key:
        if metric.kind is not kind:
            raise ValueError(f"{metric} is a {metric.kind.value}, not a {kind.value}")
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric}: labels {sorted(labels)} given, {metric.labels} declared")
        # The name is the identity; hashing the whole declaration would cost more than the rest.
        self._metrics.setdefault(metric.name, metric)
        return metric.name, tuple(labels[name][:MAX_VALUE] for name in metric.labels)
