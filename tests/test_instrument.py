"""dexwatch and dexwatch-instrument agree about every metric, though neither imports the other."""

from pathlib import Path

from prometheus_client import Histogram

from dexwatch.metrics.platform import PLATFORM_METRICS
from dexwatch_instrument import METRICS, Platform, metrics
from tools.reference.instrument import declared


def test_the_instrumentation_s_metrics_are_written_from_the_vocabulary():
    assert Path(metrics.__file__).read_text() == declared()
    assert [metric.name for metric in METRICS] == [metric.name for metric in PLATFORM_METRICS]


def test_the_registry_holds_what_is_declared():
    registered = {family.name: family.type for family in Platform().registry.collect()}
    for metric in PLATFORM_METRICS:
        name = metric.name.removesuffix("_total")
        assert registered.pop(name) == str(metric.kind)
    # What the client library itself tells of the process.
    assert {name.partition("_")[0] for name in registered} <= {"process"}


def test_histograms_have_the_declared_bounds():
    families = Platform().families
    for metric in (m for m in PLATFORM_METRICS if m.buckets):
        family = families._families[metric.name]
        assert isinstance(family, Histogram)
        assert tuple(family._upper_bounds[:-1]) == tuple(map(float, metric.buckets))
