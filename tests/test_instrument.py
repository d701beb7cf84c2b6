"""dexwatch and dexwatch-instrument agree about every metric, although neither imports the other."""

from prometheus_client import Histogram

from dexwatch.metrics.platform import PLATFORM_METRICS
from dexwatch_instrument import METRICS, Platform


def test_both_packages_declare_the_same_metrics():
    ours = {m.name: (str(m.kind), m.labels, m.buckets) for m in PLATFORM_METRICS}
    theirs = {m.name: (str(m.kind), m.labels, m.buckets) for m in METRICS}
    assert theirs == ours


def test_the_registry_holds_what_is_declared():
    registered = {family.name: family.type for family in Platform().registry.collect()}
    for metric in PLATFORM_METRICS:
        name = metric.name.removesuffix("_total")
        assert registered.pop(name) == str(metric.kind)
    assert registered == {}


def test_histograms_have_the_declared_bounds():
    families = Platform().families
    for metric in (m for m in PLATFORM_METRICS if m.buckets):
        family = families._families[metric.name]
        assert isinstance(family, Histogram)
        assert tuple(family._upper_bounds[:-1]) == tuple(map(float, metric.buckets))
