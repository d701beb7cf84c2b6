"""What a metric is, and how a rule or panel refers to it.

Each metric is declared once as a `Metric` object.
Exporters fill the object, rules and panels write it into PromQL, so a misspelt name is a type error
and a label that the metric does not carry is refused when the module is imported:

    >>> swaps = counter("dex_swaps_total", "Swaps.", labels=("pool",))
    >>> swaps.where('pool="WBNB/USDT"')
    'dex_swaps_total{pool="WBNB/USDT"}'
    >>> f"rate({swaps}[1m])"
    'rate(dex_swaps_total[1m])'
"""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from functools import partial

TARGET_LABELS = frozenset({"job", "instance", "host", "service", "alerting", "role", "le", "class"})
"""Labels that scraping adds to every series; they may be matched on any metric."""

_NAME = re.compile(r"^(?:ALERTS|[a-z][A-Za-z0-9_]*)$")
_MATCHER = re.compile(r'^(?P<label>[a-z_][a-z0-9_]*)(=~|!~|!=|=)".*"$')


class Kind(StrEnum):
    """The Prometheus metric types that we use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Unit(StrEnum):
    """What one unit of a value means; panels and messages format by it."""

    COUNT = "count"
    SECONDS = "seconds"
    BYTES = "bytes"
    RATIO = "ratio"
    USD = "usd"
    WEI = "wei"
    GAS = "gas"
    BLOCKS = "blocks"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    PER_SECOND = "per_second"
    PER_MINUTE = "per_minute"
    BYTES_PER_SECOND = "bytes_per_second"
    TOKENS = "tokens"
    MULTIPLE = "multiple"
    """How many times as much as what it is compared with."""


class UnknownLabelError(ValueError):
    """A query names a label that the metric does not carry."""


@dataclass(frozen=True)
class Metric:
    """One metric: the name is the identity, everything else is its contract."""

    name: str
    help: str
    _: KW_ONLY
    kind: Kind
    unit: Unit
    labels: tuple[str, ...] = ()
    owner: str = "dexwatch"
    """Who exposes it: `dexwatch`, `platform` (by dexwatch-instrument) or an exporter."""
    buckets: tuple[float, ...] = field(default=(), repr=False)
    """Upper bounds of a histogram, ascending, in the metric's unit; +Inf is implied."""
    requirements: tuple[str, ...] = field(default=(), repr=False)
    """Requirement ids that having samples of it answers, in whole or in part."""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(
                f"metric name {self.name!r}: begin in lower case; letters, digits, underscores"
            )
        if (self.kind is Kind.HISTOGRAM) != bool(self.buckets):
            raise ValueError(f"metric {self.name}: a histogram has buckets, and nothing else has")

    def __str__(self) -> str:
        return self.name

    def where(self, *matchers: str) -> str:
        """Return a selector, for example `m.where('pool="A"', 'job=~"x|y"')`.

        Raises:
            UnknownLabelError: a matcher names a label that this metric does not carry.
        """
        return selector(self.name, self.labels, matchers)

    def bucket(self, *matchers: str) -> str:
        """Return the selector of a histogram's buckets."""
        return selector(f"{self.name}_bucket", self.labels, matchers)

    def sum(self, *matchers: str) -> str:
        """Return the selector of a histogram's sum."""
        return selector(f"{self.name}_sum", self.labels, matchers)

    def count(self, *matchers: str) -> str:
        """Return the selector of a histogram's count."""
        return selector(f"{self.name}_count", self.labels, matchers)


def selector(name: str, labels: Sequence[str], matchers: Sequence[str]) -> str:
    """Return a selector of series that carry these labels, and those of their target.

    Raises:
        UnknownLabelError: a matcher names another label, or is none.
    """
    for matcher in matchers:
        match = _MATCHER.match(matcher)
        if match is None:
            raise UnknownLabelError(f"{name}: {matcher!r} is not a label matcher")
        if match["label"] not in {*labels, *TARGET_LABELS}:
            known = ", ".join(labels) or "none"
            raise UnknownLabelError(
                f"{name} has no label {match['label']!r}; its labels are: {known}"
            )
    return name + ("{" + ",".join(matchers) + "}" if matchers else "")


LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
"""Bounds of OpenTelemetry's HTTP duration histograms; our limits of 0.5 and 1 s are among them."""


_UNITS = {
    "_timestamp_seconds": Unit.TIMESTAMP,
    "_seconds": Unit.SECONDS,
    "_bytes": Unit.BYTES,
    "_ratio": Unit.RATIO,
    "_usd": Unit.USD,
}
"""Units by the end of a name, as Prometheus' naming convention has it."""


def _declare(
    name: str,
    help: str,  # noqa: A002 - Prometheus' own word.
    *,
    kind: Kind,
    unit: Unit | None = None,
    labels: tuple[str, ...] = (),
    owner: str = "dexwatch",
    buckets: tuple[float, ...] = (),
    requirements: tuple[str, ...] = (),
) -> Metric:
    """Declare a metric; its unit is said only where the end of its name does not say it."""
    stem = name.removesuffix("_total")
    named = next((known for end, known in _UNITS.items() if stem.endswith(end)), Unit.COUNT)
    return Metric(
        name,
        help,
        kind=kind,
        unit=named if unit is None else unit,
        labels=labels,
        owner=owner,
        buckets=buckets,
        requirements=requirements,
    )


counter = partial(_declare, kind=Kind.COUNTER)
gauge = partial(_declare, kind=Kind.GAUGE)
histogram = partial(_declare, kind=Kind.HISTOGRAM)
state = partial(gauge, unit=Unit.BOOLEAN)
"""A gauge that is 1 while something is so, else 0."""
