"""Matchers of silences: read from text, and compared with labels as Alertmanager does.

Expressions are RE2's, as Alertmanager's are: what it takes is taken here and means the same, and
none of them, however it is written, takes more than linear time.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2

from dexwatch.clients.alertmanager import Matcher

MOST_MATCHERS = 10
LONGEST_TEXT = 500
_EXPRESSION_BYTES = 1 << 18
"""The most memory of one expression: counted repeats of counted repeats are refused."""
_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)(.*)")


class MatcherError(ValueError):
    """The text is no list of matchers; the message says what to write."""


def parse(text: str) -> list[Matcher]:
    """Read matchers such as `alertname="ApiLatencyHigh", host=~"dex-.*"`, one a line or by comma.

    Raises:
        MatcherError: something is no matcher, or nothing would be named.
    """
    if len(text) > LONGEST_TEXT:
        raise MatcherError(f"At most {LONGEST_TEXT} characters.")
    parts = [part for part in map(str.strip, _parts(text)) if part]
    if not parts:
        raise MatcherError('Write at least one matcher, for example alertname="ApiLatencyHigh".')
    if len(parts) > MOST_MATCHERS:
        raise MatcherError(f"At most {MOST_MATCHERS} matchers.")
    found = [_matcher(part) for part in parts]
    if all(_matches(one, "") for one in found):
        raise MatcherError("These matchers would mute everything: name at least one value.")
    return found


def mutes(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Would these matchers hold back an alert with these labels?

    Raises:
        MatcherError: one of them is no expression.
    """
    return all(_matches(one, labels.get(one.name, "")) for one in matchers)


def _parts(text: str) -> list[str]:
    """Cut at commas and ends of lines that stand outside of quotes."""
    parts, begin, quoted = [], 0, False
    for place, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter in ",\n" and not quoted:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]


def _matcher(part: str) -> Matcher:
    match = _MATCHER.fullmatch(part)
    if match is None:
        raise MatcherError(f'{part[:60]} is no matcher: write label="value".')
    name, operator, rest = match.groups()
    value = rest.strip().removeprefix('"').removesuffix('"')
    return Matcher(name, value, "~" in operator, not operator.startswith("!"))


def _matches(matcher: Matcher, value: str) -> bool:
    if not matcher.is_regex:
        return (matcher.value == value) is matcher.is_equal
    try:
        found = _expression(matcher.value).fullmatch(value)
    except (re2.error, UnicodeError) as error:
        raise MatcherError(
            f"{matcher.value[:60]} is no regular expression: {_why(error)}"
        ) from None
    return (found is not None) is matcher.is_equal


@lru_cache(maxsize=128)
def _expression(text: str) -> Any:  # noqa: ANN401 - the library has no types.
    options = re2.Options()
    options.max_mem = _EXPRESSION_BYTES
    options.log_errors = False
    return re2.compile(text, options)


def _why(error: Exception) -> str:
    """Return the library's reason, which it gives as bytes."""
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
