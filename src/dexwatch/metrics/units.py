"""Values in words: on pages, in messages and charts, in the templates of alerts.

`TABLE` says how each unit is written; `format_value` follows it here, and `values.js` in the
browser, which is given the same table (`browser_table`). A test compares both over many values.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from dexwatch.metrics.metric import Unit

DASH = "\u2013"
THIN = "\u202f"
THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
HUGE = 1e18
"""From here on numbers are written with an exponent."""
LAST_MOMENT = 253_402_300_800
"""The end of the year 9999, in Unix seconds."""

Style = Literal[
    "short", "plain", "whole", "percent", "seconds", "bytes", "money", "moment", "yes-no"
]


@dataclass(frozen=True)
class Written:
    """How a unit's values are written."""

    style: Style
    suffix: str = ""
    scale: float = 1.0
    """Values are divided by it."""


TABLE = {
    Unit.COUNT: Written("short"),
    Unit.SECONDS: Written("seconds"),
    Unit.BYTES: Written("bytes"),
    Unit.RATIO: Written("percent"),
    Unit.USD: Written("money"),
    Unit.WEI: Written("plain", "gwei", 1e9),
    Unit.GAS: Written("short", "gas"),
    Unit.BLOCKS: Written("whole"),
    Unit.TIMESTAMP: Written("moment"),
    Unit.BOOLEAN: Written("yes-no"),
    Unit.PER_SECOND: Written("short", "/s"),
    Unit.PER_MINUTE: Written("short", "/min"),
    Unit.BYTES_PER_SECOND: Written("bytes", "/s"),
    Unit.TOKENS: Written("short"),
    Unit.MULTIPLE: Written("short", "\u00d7"),
}


@dataclass(frozen=True)
class FormattedValue:
    """A number and its unit, apart, so that the page can set the unit smaller."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        joint = "" if self.unit in {"", "%"} or self.number == DASH else THIN
        return f"{self.number}{joint}{self.unit}" if self.number != DASH else DASH


def format_value(value: float | None, unit: Unit, decimals: int | None = None) -> FormattedValue:
    """Return a value in its unit; without `decimals`, three significant digits."""
    if value is None or not math.isfinite(value):
        return FormattedValue(DASH)
    how = TABLE[unit]
    scaled = value / how.scale
    match how.style:
        case "short":
            return FormattedValue(_short(scaled, decimals), how.suffix)
        case "plain":
            return FormattedValue(_plain(scaled, decimals), how.suffix)
        case "whole":
            return FormattedValue(_grouped(scaled))
        case "percent":
            return FormattedValue(_percent(scaled * 100, decimals), "%")
        case "seconds":
            return _seconds(scaled)
        case "bytes":
            size = _bytes(scaled)
            return FormattedValue(size.number, size.unit + how.suffix)
        case "money":
            sign = "-" if scaled < 0 else ""
            return FormattedValue(f"{sign}${_short(abs(scaled), decimals)}")
        case "moment":
            return FormattedValue(_moment(scaled))
        case "yes-no":
            return FormattedValue("yes" if scaled else "no")


def span(seconds: float) -> str:
    """Return a length of time in the two largest parts, such as `2 h 5 min`."""
    left = int(_fixed(max(0.0, seconds), 0))
    parts = []
    for size, name in SPANS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{THIN}{name}")
    return " ".join(parts[:2]) or f"0{THIN}s"


def axis_labels(ticks: Sequence[float], unit: Unit) -> list[str]:
    """Return an axis' labels; those that read alike get decimals until they differ."""
    words: list[str] = []
    for decimals in (None, 1, 2, 3, 4):
        words = [str(format_value(value, unit, decimals)) for value in ticks]
        if len(set(words)) == len(words):
            break
    return words


def browser_table() -> str:
    """Return the script that gives the browser this table; `values.js` follows it."""
    table = {
        "units": {
            unit.value: {"style": how.style, "suffix": how.suffix, "scale": how.scale}
            for unit, how in TABLE.items()
        },
        "thousands": THOUSANDS,
        "bytes": BYTES,
        "spans": SPANS,
        "huge": HUGE,
        "lastMoment": LAST_MOMENT,
        "dash": DASH,
        "thin": THIN,
    }
    return (
        "// Written from dexwatch/metrics/units.py by `python -m tools.reference`; do not edit.\n"
        f"dexwatch.unitTable = {json.dumps(table, indent=1)};\n"
    )


def _short(value: float, decimals: int | None) -> str:
    size = abs(value)
    if decimals is None:
        for scale, suffix in THOUSANDS:
            if size >= scale * (10 if suffix == "k" else 1):
                return f"{_plain(value / scale, None)}{suffix}"
    return _plain(value, decimals)


def _plain(value: float, decimals: int | None) -> str:
    if abs(value) >= HUGE:
        return _exponential(value)
    if decimals is None:
        size = abs(value)
        if size >= 1000:
            return _grouped(value)
        if size and size < 0.001:
            return _exponential(value)
        whole = abs(value - math.floor(value + 0.5)) < 1e-9
        decimals = 0 if whole or size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return _fixed(value, decimals)


def _grouped(value: float) -> str:
    if abs(value) >= HUGE:
        return _exponential(value)
    return f"{int(_fixed(value, 0)):,}".replace(",", THIN)


def _exponential(value: float) -> str:
    """Browsers write 1e-7 without the nought that Python puts before the seven."""
    return re.sub(r"e([+-])0", r"e\1", f"{value:.1e}")


def _fixed(value: float, decimals: int) -> str:
    """Round half away from nought, as browsers do; Python's own formats round half to even."""
    text = str(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    # A tiny loss is nothing, not less than nothing.
    return text.lstrip("-") if float(text) == 0 else text


def _percent(value: float, decimals: int | None) -> str:
    """A share just below 100 must not be rounded up to it: that would hide the fault."""
    if abs(value) >= HUGE:
        return _exponential(value)
    if decimals is None:
        whole = abs(value - math.floor(value + 0.5)) < 1e-9
        decimals = 0 if whole else 2 if abs(value) < 1 else 1
    text = _fixed(value, decimals)
    if value < 100 <= float(text):
        step = 10**decimals
        text = _fixed(math.floor(value * step) / step, decimals)
    return text


def _seconds(value: float) -> FormattedValue:
    size = abs(value)
    if size == 0:
        return FormattedValue("0", "s")
    if size < 0.001:
        return FormattedValue(_plain(value * 1e6, None), "µs")
    if size < 1:
        return FormattedValue(_plain(value * 1e3, None), "ms")
    if size < 120:
        return FormattedValue(_plain(value, None), "s")
    if size >= HUGE:
        return FormattedValue(_exponential(value), "s")
    return FormattedValue(span(value) if value > 0 else f"-{span(-value)}")


def _bytes(value: float) -> FormattedValue:
    for scale, name in BYTES:
        if abs(value) >= scale:
            return FormattedValue(_plain(value / scale, None), name)
    return FormattedValue(_grouped(value), "B")


def _moment(value: float) -> str:
    """Return the time of day in UTC, which is the same for whoever reads it."""
    if not 0 <= value < LAST_MOMENT:
        return DASH
    return datetime.fromtimestamp(math.floor(value), UTC).strftime("%H:%M:%S")


WORDS = {
    Unit.USD: "USD",
    Unit.GAS: "gas",
    Unit.BLOCKS: "blocks",
    Unit.PER_SECOND: "per second",
    Unit.PER_MINUTE: "per minute",
    Unit.TOKENS: "tokens",
    Unit.MULTIPLE: "times",
}


def threshold_words(threshold: float, unit: Unit) -> str:
    """Write a threshold for people: 0.85 of a ratio is "85%", 0.5 seconds are "500 ms".

    >>> threshold_words(0.85, Unit.RATIO), threshold_words(0.5, Unit.SECONDS)
    ('85%', '500 ms')
    """
    match unit:
        case Unit.RATIO:
            return f"{threshold * 100:g}%"
        case Unit.SECONDS if 0 < abs(threshold) < 1:
            return f"{threshold * 1000:g} ms"
        case Unit.SECONDS if threshold >= 120:
            return span(threshold).replace(THIN, " ")
        case Unit.SECONDS:
            return f"{threshold:g} s"
        case Unit.WEI:
            return f"{threshold / 1e9:.10g} gwei"
        case Unit.BYTES | Unit.BYTES_PER_SECOND:
            return str(format_value(threshold, unit)).replace(THIN, " ")
        case Unit.COUNT | Unit.BOOLEAN | Unit.TIMESTAMP:
            return f"{threshold:.10g}"
        case _:
            return f"{threshold:,.10g} {WORDS[unit]}"
