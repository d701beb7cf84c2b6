"""The Prometheus template that writes an alert's value in its annotations."""

from dexwatch.metrics.metric import Unit
from dexwatch.metrics.units import WORDS


def value_template(unit: Unit) -> str:
    """Return the Prometheus template that writes the alert's value as `format_value` would."""
    match unit:
        case Unit.RATIO:
            return _TEMPLATE_PERCENT
        case Unit.SECONDS:
            return _TEMPLATE_SECONDS
        case Unit.BYTES | Unit.BYTES_PER_SECOND:
            unit_word = "B/s" if unit is Unit.BYTES_PER_SECOND else "B"
            spaced = 'reReplaceAll "([KMGTPEZY]i)?$" " ${1}' + unit_word + '"'
            return '{{ $value | humanize1024 | reReplaceAll "k" "K" | ' + spaced + " }}"
        case Unit.WEI:
            return f'{{{{ {_ROUNDED} | humanize | reReplaceAll "([a-zA-Z]?)$" " ${{1}}wei" }}}}'
        case Unit.COUNT:
            return _TEMPLATE_WHOLE
        case Unit.BLOCKS:
            return f"{_TEMPLATE_WHOLE} blocks"
        case Unit.TIMESTAMP:
            return "{{ $value | humanizeTimestamp }}"
        case Unit.BOOLEAN:
            return "{{ if $value }}yes{{ else }}no{{ end }}"
        case _:
            return f"{_TEMPLATE_NUMBER} {WORDS[unit]}"


def _unless_large(form: str, below: str) -> str:
    """Large numbers get a prefix, which `printf` cannot give; small ones get no milli from it."""
    return (
        f'{{{{ if lt $value {below} }}}}{{{{ printf "{form}" $value }}}}'
        f"{{{{ else }}}}{{{{ {_ROUNDED} | humanize }}}}{{{{ end }}}}"
    )


# Nobody acts on a fourth digit.
_ROUNDED = 'printf "%.3g" $value'
# Above 10 per cent that is one decimal; a share above the whole keeps its digits.
_TEMPLATE_PERCENT = (
    '{{ if ge $value 0.1 }}{{ printf "%.3f" $value | humanizePercentage }}'
    f"{{{{ else }}}}{{{{ {_ROUNDED} | humanizePercentage }}}}{{{{ end }}}}"
)
_TEMPLATE_NUMBER = _unless_large("%.3g", "999.5")
# What a counter gained is extrapolated, and nobody refuses a fraction of a message.
_TEMPLATE_WHOLE = _unless_large("%.0f", "9999.5")
# Prometheus writes 4.789s, 128.4ms and 1d 2h 3m 4s: we put a space before the unit, call minutes
# `min`, and stop after the two largest parts.
_TEMPLATE_SECONDS = (
    "{{ if and (ge $value 1.0) (lt $value 119.5) }}"
    '{{ printf "%.3g s" $value }}'
    "{{ else }}"
    "{{ $value | humanizeDuration"
    ' | reReplaceAll "^(-?[0-9]+[dhm] [0-9]+[hms]) .*" "$1"'
    ' | reReplaceAll "m( |$)" "min$1"'
    ' | reReplaceAll "([0-9])([a-z])" "$1 $2" | reReplaceAll " us" " µs" }}'
    "{{ end }}"
)
