"""Values in words, in one place: on pages, in messages, in the templates of alerts."""

from dexwatch.metrics.metric import Unit

WORDS = {
    Unit.BYTES: "bytes",
    Unit.USD: "USD",
    Unit.GAS: "gas",
    Unit.BLOCKS: "blocks",
    Unit.PER_SECOND: "per second",
    Unit.PER_MINUTE: "per minute",
    Unit.BYTES_PER_SECOND: "bytes per second",
    Unit.TOKENS: "tokens",
}


def threshold_words(threshold: float, unit: Unit) -> str:
    """Write a threshold for people: 0.85 of a ratio is "85 %", 0.5 seconds are "500 ms".

    >>> threshold_words(0.85, Unit.RATIO), threshold_words(0.5, Unit.SECONDS)
    ('85 %', '500 ms')
    """
    match unit:
        case Unit.RATIO:
            return f"{threshold * 100:g} %"
        case Unit.SECONDS if 0 < abs(threshold) < 1:
            return f"{threshold * 1000:g} ms"
        case Unit.SECONDS if threshold >= 86_400 and threshold % 86_400 == 0:
            return f"{threshold / 86_400:g} days"
        case Unit.SECONDS:
            return f"{threshold:g} s"
        case Unit.WEI:
            return f"{threshold / 1e9:g} gwei"
        case Unit.COUNT | Unit.BOOLEAN | Unit.TIMESTAMP:
            return f"{threshold:g}"
        case _:
            return f"{threshold:,g} {WORDS[unit]}"


def value_template(unit: Unit) -> str:
    """Return the Prometheus template that writes the alert's value in the unit."""
    match unit:
        case Unit.RATIO:
            return "{{ $value | humanizePercentage }}"
        case Unit.SECONDS:
            return "{{ $value | humanizeDuration }}"
        case Unit.BYTES | Unit.BYTES_PER_SECOND:
            return "{{ $value | humanize1024 }}" + ("B/s" if unit is not Unit.BYTES else "B")
        case Unit.WEI:
            return "{{ $value | humanize }}wei"
        case Unit.COUNT | Unit.BOOLEAN | Unit.TIMESTAMP:
            return "{{ $value | humanize }}"
        case _:
            return "{{ $value | humanize }} " + WORDS[unit]
