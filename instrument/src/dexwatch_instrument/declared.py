"""What it takes to declare a metric of an instrumented platform; `metrics` holds them all."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Workers = Literal["livesum", "livemostrecent", "mostrecent"]


class Kind(StrEnum):
    """The Prometheus metric types in use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Declared:
    """One metric: seconds, bytes or counts as its name says."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, ascending; +Inf is implied."""
    workers: Workers = "livesum"
    """How the gauges of several workers become one: the sum of those that run, or the newest."""
