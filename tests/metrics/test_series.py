"""Series hold what they are told, refuse what is undeclared, and never grow beyond their bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.metrics.metric import Unit, counter, gauge, histogram
from dexwatch.metrics.sample import Distribution
from dexwatch.metrics.series import MAX_VALUE, Series

HITS = counter("hits_total", "Hits.", labels=("who",))
SIZE = gauge("size", "Size.", unit=Unit.COUNT, labels=("who",))
TIME = histogram("time_seconds", "Time.", unit=Unit.SECONDS, buckets=(1.0, 2.0))


def test_values_come_back_as_samples() -> None:
    series = Series()
    series.add(HITS, who="a")
    series.add(HITS, 2, who="a")
    series.set(SIZE, 5, who="a")
    series.observe(TIME, 1.0)
    series.observe(TIME, 1.5)
    series.observe(TIME, 9.0)
    found = {sample.metric.name: sample.value for sample in series.samples()}
    assert found == {
        "hits_total": 3,
        "size": 5,
        "time_seconds": Distribution((1, 2), 3, 11.5),
    }


def test_a_counter_does_not_fall_and_kinds_are_kept_apart() -> None:
    series = Series()
    with pytest.raises(ValueError, match="does not fall"):
        series.add(HITS, -1, who="a")
    with pytest.raises(ValueError, match="is a gauge"):
        series.add(SIZE, who="a")
    with pytest.raises(ValueError, match="declared"):
        series.add(HITS)


@given(st.lists(st.text(max_size=300), max_size=60))
def test_the_bound_holds_whatever_the_labels(names: list[str]) -> None:
    series = Series(limit=10)
    for name in names:
        series.add(HITS, who=name)
    samples = list(series.samples())
    distinct = {name[:MAX_VALUE] for name in names}
    assert len(samples) == min(len(distinct), 10)
    assert all(len(sample.labels["who"]) <= MAX_VALUE for sample in samples)
    assert (series.dropped > 0) == (len(distinct) > 10)


def test_what_is_not_known_any_more_is_forgotten() -> None:
    series = Series()
    series.set(SIZE, 1, who="a")
    series.set(SIZE, 2, who="b")
    series.forget(SIZE, who="a")
    assert series.value(SIZE, who="a") is None
    assert series.value(SIZE, who="b") == 2
    series.forget(SIZE)
    assert series.count == 0
