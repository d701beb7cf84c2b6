"""Values in words: right unit, three digits, and never rounded into health."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.console.words import DASH, figure, span
from dexwatch.metrics.metric import Unit

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.99996, Unit.RATIO, "99.9%"),
        (1.0, Unit.RATIO, "100%"),
        (0.0033, Unit.RATIO, "0.33%"),
        (0.00045, Unit.SECONDS, f"450{THIN}µs"),
        (0.1284, Unit.SECONDS, f"128{THIN}ms"),
        (3_725, Unit.SECONDS, f"1{THIN}h 2{THIN}min"),
        (3 * 2**30, Unit.BYTES, f"3{THIN}GiB"),
        (1_500, Unit.BYTES_PER_SECOND, f"1.46{THIN}KiB/s"),
        (1_234_567, Unit.USD, "$1.23M"),
        (-12, Unit.USD, "-$12"),
        (1.1e9, Unit.WEI, f"1.10{THIN}gwei"),
        (48_000_123, Unit.BLOCKS, f"48{THIN}000{THIN}123"),
        (133.3, Unit.PER_MINUTE, f"133{THIN}/min"),
        (float("nan"), Unit.COUNT, DASH),
        (float("inf"), Unit.RATIO, DASH),
        (None, Unit.USD, DASH),
    ],
)
def test_a_value_is_said_in_its_unit(value, unit, said):
    assert str(figure(value, unit)) == said


@given(st.floats(0, 0.999999))
def test_a_share_below_one_is_never_said_to_be_all(value):
    assert str(figure(value, Unit.RATIO)) != "100%"
    assert not str(figure(value, Unit.RATIO, 2)).startswith("100")


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(list(Unit)))
def test_every_number_can_be_said(value, unit):
    if unit is not Unit.TIMESTAMP:
        assert str(figure(value, unit))


def test_a_span_is_said_in_two_parts():
    assert span(0) == f"0{THIN}s"
    assert span(90_061) == f"1{THIN}d 1{THIN}h"
