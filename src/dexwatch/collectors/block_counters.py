"""Counters of what blocks hold, which a reorganisation neither lowers nor counts twice."""

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal

from dexwatch.metrics.metric import Metric
from dexwatch.metrics.series import Series

_Key = tuple[str, tuple[tuple[str, str], ...], int]
"""Metric, labels, and the bucket of a histogram (-1 for a counter)."""


@dataclass
class BlockCounters:
    """Fills the counters and histograms of a series, block by block.

    A counter must not fall: Prometheus would take it for one that began anew. So what a dropped
    block counted stays, and is owed: what the replacing blocks bring pays that debt first, and only
    what is above raises the counter. A swap that is in both branches counts once; one that never
    comes back is made up for by the next ones.
    """

    series: Series
    kept_blocks: int
    _blocks: OrderedDict[str, list[tuple[_Key, Decimal]]] = field(default_factory=OrderedDict)
    _owed: dict[_Key, Decimal] = field(default_factory=dict)
    _current: list[tuple[_Key, Decimal]] = field(default_factory=list)

    def begin(self, block_hash: str) -> None:
        """From here on what is counted belongs to this block."""
        self._current = self._blocks.setdefault(block_hash, [])
        while len(self._blocks) > self.kept_blocks:
            self._blocks.popitem(last=False)

    def add(self, metric: Metric, amount: Decimal | int = 1, **labels: str) -> None:
        """Raise a counter by what the block brings."""
        rest = self._settle((metric.name, tuple(labels.items()), -1), Decimal(amount))
        self.series.add(metric, float(rest), **labels)

    def observe(self, metric: Metric, value: Decimal, **labels: str) -> None:
        """Add an observation; one in the same bucket that was taken back before stands for it."""
        bucket = bisect_left(metric.buckets, value)
        if self._settle((metric.name, tuple(labels.items()), bucket), Decimal(1)):
            self.series.observe(metric, float(value), **labels)

    def retract(self, block_hash: str) -> None:
        """A block is no longer canonical: what it counted is owed."""
        for key, amount in self._blocks.pop(block_hash, []):
            self._owed[key] = self._owed.get(key, Decimal(0)) + amount

    def _settle(self, key: _Key, amount: Decimal) -> Decimal:
        """Note what the block brings, and return what is left of it when the debt is paid."""
        self._current.append((key, amount))
        owed = self._owed.get(key)
        if owed is None:
            return amount
        paid = min(owed, amount)
        if paid == owed:
            del self._owed[key]
        else:
            self._owed[key] = owed - paid
        return amount - paid
