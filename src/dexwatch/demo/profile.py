"""How the sample is watched: time compressed, so that a demonstration reacts within seconds.

The product's rules are transformed from outside. Thresholds, and so the messages, stay those of
the product wherever one small machine allows it: where its own load would look like a fault, the
sample adds a condition (`EXTRA_CONDITIONS`). Other thresholds (`THRESHOLDS`) are those that only
the passing of real time could exceed.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dexwatch.metrics import own
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, Expression

LONGEST_WINDOW_SECONDS = 120.0
LONGEST_FOR_SECONDS = 4


@dataclass(frozen=True)
class DemoProfile(EvaluationProfile):
    """A profile whose windows and `for` durations are shorter than the rules say."""

    def window_wished(self, seconds: float) -> float:
        """Return ten seconds for five minutes; longer ranges grow with the square root.

        So a baseline stays several times as long as what it judges, up to two minutes.
        """
        return min(LONGEST_WINDOW_SECONDS, 10 * math.sqrt(max(1.0, seconds / 300)))

    def hold_ms(self, seconds: float) -> int:
        """Return a second for a minute, and four seconds at the most."""
        if seconds <= 0:
            return 0
        return 1000 * max(1, min(LONGEST_FOR_SECONDS, math.ceil(seconds / 60)))

    def events(self, wanted: int) -> int:
        """Return a fifth of the events, for the window is so much shorter; never under two."""
        return max(2, math.ceil(wanted / 5))


DEMO = DemoProfile(
    "demo",
    {
        ScrapeClass.CRITICAL: 1_000,
        ScrapeClass.HIGH: 1_000,
        ScrapeClass.STANDARD: 2_000,
        ScrapeClass.BUSINESS: 2_000,
        ScrapeClass.HISTORICAL: 5_000,
    },
)
REFRESH_SPEED = 6.0
"""Panels refresh so many times as often: a demonstration has to move."""

THRESHOLDS = {"DataSyncDelayed": 10.0, "DatabaseReplicaLagging": 10.0, "MarketDataStale": 15.0}
"""Thresholds in seconds: how old something must be, which takes that much real time."""

LAPTOP_SECONDS = 0.8
"""Where one small machine runs everything, slower answers than usual mean nothing yet."""


def _value_beyond(threshold: float) -> Callable[[AlertRule], Expression]:
    """Ask that the value itself is beyond a second, higher threshold."""

    def extra(rule: AlertRule) -> Expression:
        return lambda profile: f"and ({rule.value(profile)}) {rule.operator} {threshold:g}"

    return extra


def _slow_enough(_: AlertRule) -> Expression:
    return lambda _: f"and {recorded.http_p95} > {LAPTOP_SECONDS}"


def _swaps_halved(_: AlertRule) -> Expression:
    """Compressed windows hold few swaps, so more of them must be missing."""

    def extra(profile: EvaluationProfile) -> str:
        now = str(recorded.swap_rate)
        window = profile.window(21_600, ScrapeClass.HIGH)
        before = f"avg_over_time({now}[{window}] offset {profile.window(900, ScrapeClass.HIGH)})"
        return f"and {now} < 0.5 * {before}\nand {before} > 0.1"

    return extra


def _failed_again(_: AlertRule) -> Expression:
    """Two minutes became two seconds, for which one failure of a slow collector lasts."""

    def extra(profile: EvaluationProfile) -> str:
        window = profile.window(300, ScrapeClass.STANDARD)
        failures = f"sum by (collector) (increase({own.collector_failures}[{window}]))"
        # Prometheus may extrapolate one failure to 1.5.
        return f"and on (collector) {failures} > 1.8"

    return extra


EXTRA_CONDITIONS: dict[str, tuple[Callable[[AlertRule], Expression], ...]] = {
    "CollectorFailing": (_failed_again,),
    "LatencyDegraded": (_slow_enough,),
    "ApiLatencyAboveBaseline": (_slow_enough,),
    # In a window of ten seconds many transactions are still pending.
    "TransactionProcessingFailing": (_value_beyond(0.8),),
    "TradingVolumeDrop": (_value_beyond(0.6), _swaps_halved),
    # A busy laptop delays the sample's own chain for longer than three seconds.
    "ChainHeadStalled": (_value_beyond(6),),
    # Two minutes became ten seconds, which a burst of pages may take.
    "JobsOverdue": (_value_beyond(10),),
}


def transform(alerts: Iterable[AlertRule]) -> tuple[AlertRule, ...]:
    """Return the rules as the sample needs them; all others come back as they are."""
    return tuple(_transformed(rule) for rule in alerts)


def _transformed(rule: AlertRule) -> AlertRule:
    more = [make(rule) for make in EXTRA_CONDITIONS.get(rule.id, ())]
    threshold = THRESHOLDS.get(rule.id, rule.threshold)
    if not more:
        return dataclasses.replace(rule, threshold=threshold)

    def condition(profile: EvaluationProfile) -> str:
        own = [] if rule.condition is None else [rule.condition]
        # `unless` at the end of the rule's own condition binds as tightly as `and`, from the left.
        return "\n".join(part(profile) for part in (*own, *more))

    return dataclasses.replace(rule, threshold=threshold, condition=condition)
