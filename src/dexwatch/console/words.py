"""Values in words: numbers with units, spans of time, moments; the script has the same table."""

import math
from dataclasses import dataclass
from datetime import datetime

from dexwatch.metrics.metric import Unit

DASH = "\u2013"


@dataclass(frozen=True)
class Figure:
    """A number and its unit, apart, so that the page can set the unit smaller."""

    number: str
    unit: str = ""

    def __str__(self) -> str:
        joint = "" if self.unit in {"", "%"} or self.number == DASH else "\u202f"
        return f"{self.number}{joint}{self.unit}" if self.number != DASH else DASH


def figure(value: float | None, unit: Unit, decimals: int | None = None) -> Figure:
    """Return a value in its unit; without `decimals`, three significant digits."""
    if value is None or not math.isfinite(value):
        return Figure(DASH)
    match unit:
        case Unit.RATIO:
            share = value * 100
            return Figure(_percent(share, decimals), "%") if math.isfinite(share) else Figure(DASH)
        case Unit.SECONDS:
            return _seconds(value)
        case Unit.BYTES:
            return _bytes(value)
        case Unit.BYTES_PER_SECOND:
            size = _bytes(value)
            return Figure(size.number, f"{size.unit}/s")
        case Unit.WEI:
            return Figure(_plain(value / 1e9, decimals), "gwei")
        case Unit.BLOCKS:
            return Figure(f"{value:,.0f}".replace(",", "\u202f"))
        case Unit.BOOLEAN:
            return Figure("yes" if value else "no")
        case Unit.TIMESTAMP:
            return Figure(datetime.fromtimestamp(value).astimezone().strftime("%H:%M:%S"))
        case Unit.USD:
            sign = "-" if value < 0 else ""
            return Figure(f"{sign}${_short(abs(value), decimals)}")
        case _:
            return Figure(_short(value, decimals), _SUFFIX.get(unit, ""))


def span(seconds: float) -> str:
    """Return a length of time in the two largest parts, such as `2 h 5 min`."""
    left = max(0, round(seconds))
    parts = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}\u202f{name}")
    return " ".join(parts[:2]) or "0\u202fs"


_SUFFIX = {
    Unit.PER_SECOND: "/s",
    Unit.PER_MINUTE: "/min",
    Unit.GAS: "gas",
}
_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def _short(value: float, decimals: int | None) -> str:
    size = abs(value)
    if decimals is None:
        for scale, letter in _THOUSANDS:
            if size >= scale * (10 if letter == "k" else 1):
                return f"{_plain(value / scale, None)}{letter}"
    return _plain(value, decimals)


def _plain(value: float, decimals: int | None) -> str:
    if decimals is None:
        size = abs(value)
        if size >= 1000:
            return f"{value:,.0f}".replace(",", "\u202f")
        if size and size < 0.001:
            return f"{value:.1e}"
        whole = abs(value - round(value)) < 1e-9
        decimals = 0 if whole or size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    text = f"{value:.{decimals}f}"
    # A tiny loss is nothing, not less than nothing.
    return text.lstrip("-") if float(text) == 0 else text


def _percent(value: float, decimals: int | None) -> str:
    """A share just below 100 must not be rounded up to it: that would hide the fault."""
    if decimals is None:
        size = abs(value)
        whole = abs(value - round(value)) < 1e-9
        decimals = 0 if whole else 2 if size < 1 else 1
    text = f"{value:.{decimals}f}"
    if value < 100 and float(text) >= 100:
        step = 10**decimals
        text = f"{math.floor(value * step) / step:.{decimals}f}"
    return text


def _seconds(value: float) -> Figure:
    size = abs(value)
    if size == 0:
        return Figure("0", "s")
    if size < 0.001:
        return Figure(_plain(value * 1e6, None), "µs")
    if size < 1:
        return Figure(_plain(value * 1e3, None), "ms")
    if size < 120:
        return Figure(_plain(value, None), "s")
    return Figure(span(value) if value > 0 else f"-{span(-value)}")


def _bytes(value: float) -> Figure:
    size = abs(value)
    for scale, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= scale:
            return Figure(_plain(value / scale, None), name)
    return Figure(f"{round(value)}", "B")
