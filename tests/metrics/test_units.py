"""Values in words: right unit, three digits, and never rounded into health."""

import json
import os
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dexwatch.console
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.units import (
    DASH,
    TABLE,
    axis_labels,
    browser_table,
    format_value,
    span,
    threshold_words,
)
from tests.fakes import need

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
def test_a_value_is_formatted_in_its_unit(value, unit, said):
    assert str(format_value(value, unit)) == said


@given(st.floats(0, 0.999999))
def test_a_share_below_one_is_never_formatted_as_100_percent(value):
    assert str(format_value(value, Unit.RATIO)) != "100%"
    assert not str(format_value(value, Unit.RATIO, 2)).startswith("100")


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(list(Unit)))
def test_every_number_can_be_formatted(value, unit):
    assert str(format_value(value, unit))


def test_a_duration_is_formatted_in_two_parts():
    assert span(0) == f"0{THIN}s"
    assert span(90_061) == f"1{THIN}d 1{THIN}h"


@pytest.mark.parametrize(
    ("threshold", "unit", "words"),
    [
        (0.85, Unit.RATIO, "85%"),
        (0.5, Unit.SECONDS, "500 ms"),
        (3, Unit.SECONDS, "3 s"),
        (1000, Unit.COUNT, "1000"),
        (15, Unit.BLOCKS, "15 blocks"),
        (10, Unit.PER_MINUTE, "10 per minute"),
        (5e9, Unit.WEI, "5 gwei"),
        (900, Unit.SECONDS, "15 min"),
        (21 * 86_400, Unit.SECONDS, "21 d"),
        (3 * 2**29, Unit.BYTES, "1.50 GiB"),
        (2.5, Unit.MULTIPLE, "2.5 times"),
        (1_234_567, Unit.COUNT, "1234567"),
        (2e6, Unit.USD, "2,000,000 USD"),
    ],
)
def test_a_threshold_in_words(threshold, unit, words):
    assert threshold_words(threshold, unit) == words


def test_every_unit_has_words():
    for unit in Unit:
        assert threshold_words(1, unit)


@pytest.mark.parametrize(
    ("ticks", "unit", "labels"),
    [
        ((0.7, 0.8, 1.0), Unit.RATIO, ["70%", "80%", "100%"]),
        ((0.5, 1.0), Unit.SECONDS, [f"500{THIN}ms", f"1{THIN}s"]),
        ((2**29, 2**30), Unit.BYTES, [f"512{THIN}MiB", f"1{THIN}GiB"]),
        ((0.9991, 0.9992), Unit.RATIO, ["99.91%", "99.92%"]),
        ((0, 1), Unit.BOOLEAN, ["no", "yes"]),
    ],
)
def test_the_labels_of_an_axis_differ_from_each_other(ticks, unit, labels):
    assert axis_labels(ticks, unit) == labels


def test_every_unit_is_in_the_table():
    assert set(TABLE) == set(Unit)


def test_a_moment_is_the_same_for_whoever_reads_it():
    assert str(format_value(86_399.9, Unit.TIMESTAMP)) == "23:59:59"
    assert str(format_value(-1, Unit.TIMESTAMP)) == DASH


STATIC = Path(dexwatch.console.__file__).with_name("static")
READ = """
globalThis.dexwatch = {};
const fs = require("fs");
for (const file of process.argv.slice(1)) (0, eval)(fs.readFileSync(file, "utf8"));
const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const { clock, formatValue, span } = dexwatch.values;
const said = asked.map(([value, unit, decimals]) => {
  if (unit === "span") return span(value);
  if (unit === "clock") return clock(new Date(value * 1000));
  return formatValue(value, unit, decimals);
});
process.stdout.write(JSON.stringify(said));
"""


def read(asked, **env):
    """Return what the browser makes of values."""
    ended = subprocess.run(
        [need.program("node"), "-e", READ, STATIC / "unit_table.js", STATIC / "values.js"],
        env=os.environ | env,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ended.stdout)


def values():
    """Borders of every step, halves that round in two ways, and noise over all magnitudes."""
    chance = random.Random(7)
    edges = [0.0, 0.5, 1.5, 2.5, 0.125, 0.9995, 0.99951, 0.999999, 1, 9.995, 99.95, 119.5, 120]
    edges += [999.5, 1000, 9999.5, 10_000, 1e15, 1e18, 1e21, 1e300, 5e-324, 253_402_300_800]
    edges += [2.0**power + nudge for power in (10, 20, 30, 40) for nudge in (-1, 0, 1)]
    noise = [chance.uniform(0, 10) * 10 ** chance.randint(-9, 20) for _ in range(400)]
    return [sign * value for value in (*edges, *noise) for sign in (1, -1)]


def test_the_browser_formats_every_value_alike():
    asked = [
        (value, unit.value, decimals)
        for value in values()
        for unit in Unit
        for decimals in (None, 0, 2)
    ]
    asked += [(value, "span", None) for value in values() if abs(value) < 1e15]
    said = read(asked)
    ours = [
        span(value) if unit == "span" else str(format_value(value, Unit(unit), decimals))
        for value, unit, decimals in asked
    ]
    differ = [(a, b, c) for a, b, c in zip(asked, ours, said, strict=True) if b != c]
    assert differ == []


@pytest.mark.parametrize("language", ["en_US.UTF-8", "de_DE.UTF-8", "ar_EG.UTF-8"])
def test_the_first_hour_of_a_day_is_0_in_every_language(language):
    at = datetime(2026, 11, 27, 23, 5, 9, tzinfo=UTC).timestamp()
    assert read([(at, "clock", None)], LC_ALL=language, TZ="Europe/Berlin") == ["00:05:09"]


def test_the_browser_is_given_the_present_table():
    assert (STATIC / "unit_table.js").read_text() == browser_table()
