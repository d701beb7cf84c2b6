"""What a collector gives: the values of declared metrics at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dexwatch.metrics.metric import Metric


@dataclass(frozen=True)
class Distribution:
    """A histogram's cumulative state: `counts[i]` observations at or below `metric.buckets[i]`."""

    counts: tuple[int, ...]
    total: int
    sum: float


@dataclass(frozen=True)
class Sample:
    """One value of one series; counters and distributions grow since the process began."""

    metric: Metric
    value: float | Distribution
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.labels) != set(self.metric.labels):
            raise ValueError(
                f"{self.metric.name}: labels {sorted(self.labels)} given,"
                f" {sorted(self.metric.labels)} declared"
            )
