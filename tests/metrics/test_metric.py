"""A metric's declaration says each thing once, and refuses what contradicts itself."""

import pytest

from dexwatch.metrics.metric import Unit, counter, gauge, histogram


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("dex_volume_usd_total", Unit.USD),
        ("node_cpu_seconds_total", Unit.SECONDS),
        ("dexwatch_config_timestamp_seconds", Unit.TIMESTAMP),
        ("redis_memory_used_bytes", Unit.BYTES),
        ("dex_swaps_total", Unit.COUNT),
    ],
)
def test_the_end_of_the_name_says_the_unit(name: str, unit: Unit) -> None:
    assert counter(name, "What it counts.").unit is unit


def test_a_unit_that_is_said_is_the_unit() -> None:
    assert gauge("redis_mem_fragmentation_ratio", "Not a share.", unit=Unit.COUNT).unit == "count"


def test_a_histogram_has_buckets_and_nothing_else_has() -> None:
    with pytest.raises(ValueError, match="buckets"):
        histogram("dex_swap_size_usd", "Value of swaps.")
    with pytest.raises(ValueError, match="buckets"):
        gauge("dex_tvl_usd", "Value locked.", buckets=(1.0,))
