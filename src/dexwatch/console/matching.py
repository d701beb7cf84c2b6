r"""Matchers of silences: read from text as amtool reads them, and compared with labels.

The grammar is that of Alertmanager's matchers in UTF-8 ("Alertmanager: matchers" in its manual):
names and values in double quotes with the escapes of Go, or bare where they hold none of
``{}!=~,\\"'` `` and no space; braces around the whole are optional. A line's end separates as well.
Expressions are RE2's, as Alertmanager's are: what it takes is taken here and means the same, and
none of them, however it is written, takes more than linear time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from dexwatch.clients.alertmanager import Matcher

MOST_MATCHERS = 10
LONGEST_TEXT = 500
_EXPRESSION_BYTES = 1 << 18
"""The most memory of one expression: counted repeats of counted repeats are refused."""
_RESERVED = frozenset("{}!=~,\\\"'`")
_OPERATORS = ("!=", "!~", "=~", "=")
_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34}
_CODED = {"x": 2, "u": 4, "U": 8}


class MatcherError(ValueError):
    """The text is no list of matchers; the message says what to write."""


def parse(text: str) -> list[Matcher]:
    """Read matchers such as `alertname="ApiLatencyHigh", host=~"dex-.*"`, one a line or by comma.

    Raises:
        MatcherError: something is no matcher, or nothing would be named.
    """
    if len(text) > LONGEST_TEXT:
        raise MatcherError(f"At most {LONGEST_TEXT} characters.")
    found = list(_matchers(_Tokens(text)))
    if not found:
        raise MatcherError('Write at least one matcher, for example alertname="ApiLatencyHigh".')
    if len(found) > MOST_MATCHERS:
        raise MatcherError(f"At most {MOST_MATCHERS} matchers.")
    if all(_matches(one, "") for one in found):
        raise MatcherError("These matchers would mute everything: name at least one value.")
    return found


def mutes(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Would these matchers hold back an alert with these labels?

    Raises:
        MatcherError: one of them is no expression.
    """
    return all(_matches(one, labels.get(one.name, "")) for one in matchers)


def may_mute(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Could these matchers hold back an alert that has these labels and others that we do not know?

    A matcher on an unknown label narrows only where it refuses a value made up at random.

    Raises:
        MatcherError: one of them is no expression.
    """
    return all(_matches(one, labels.get(one.name, _MADE_UP)) for one in matchers)


_MADE_UP = "zq7-unheard-of-4x"


@dataclass(frozen=True)
class _Token:
    kind: str
    """`word`, `end`, or the sign itself."""
    text: str = ""


class _Tokens:
    """Cuts the text into tokens, one ahead."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0
        self.braces = False
        self.next = self._scan()

    def take(self, *kinds: str) -> _Token | None:
        """Return the next token where it is of these kinds, and go on."""
        token = self.next
        if token.kind not in kinds:
            return None
        if token.kind in "{}":
            self.braces = token.kind == "{"
        self.next = self._scan()
        return token

    def _scan(self) -> _Token:
        while self._place < len(self._text) and self._text[self._place].isspace():
            self._place += 1
            if self._text[self._place - 1] == "\n" and not self.braces:
                return _Token("\n")
        rest = self._text[self._place : self._place + 2]
        if not rest:
            return _Token("end")
        sign = next((one for one in (*_OPERATORS, "{", "}", ",") if rest.startswith(one)), None)
        if sign is not None:
            self._place += len(sign)
            return _Token(sign)
        return _Token("word", self._quoted() if rest[0] == '"' else self._bare())

    def _bare(self) -> str:
        begin = self._place
        for character in self._text[begin:]:
            if character in _RESERVED or character.isspace():
                break
            self._place += 1
        if self._place == begin:
            raise MatcherError(f'{self._text[begin]} must stand in double quotes: label="value".')
        return self._text[begin : self._place]

    def _quoted(self) -> str:
        self._place += 1
        read = bytearray()
        while (character := self._character()) != '"':
            if character == "\\":
                read += self._escape()
            else:
                read += character.encode("utf-8", "surrogatepass")
        try:
            return read.decode()
        except UnicodeDecodeError:
            raise MatcherError("The value in quotes is no UTF-8.") from None

    def _character(self) -> str:
        if self._place >= len(self._text) or self._text[self._place] == "\n":
            raise MatcherError('A double quote is missing: write label="value".')
        self._place += 1
        return self._text[self._place - 1]

    def _escape(self) -> bytes:
        kind = self._character()
        if kind in _ESCAPES:
            return bytes([_ESCAPES[kind]])
        try:
            if kind in "01234567":
                return bytes([int(kind + self._character() + self._character(), 8)])
            digits = "".join(self._character() for _ in range(_CODED[kind]))
            # `int` would also take signs and underscores.
            code = int(digits, 16) if digits.isalnum() else -1
            return bytes([code]) if kind == "x" else chr(code).encode()
        except (KeyError, ValueError, OverflowError):
            raise MatcherError(f"\\{kind} is no escape; write \\\\ for a backslash.") from None


def _matchers(tokens: _Tokens) -> Iterator[Matcher]:
    """Read a list of matchers; each line, or pair of braces, is a list of its own."""
    while not tokens.take("end"):
        if tokens.take("\n"):
            continue
        opened = tokens.take("{")
        while tokens.next.kind == "word":
            yield _matcher(tokens)
            if not tokens.take(","):
                break
        if opened and not tokens.take("}"):
            raise MatcherError("A closing brace } or a comma is missing.")
        if tokens.next.kind not in {"\n", "end"}:
            said = tokens.next.text or tokens.next.kind
            raise MatcherError(f'{said[:60]} is no matcher: write label="value", by commas.')


def _matcher(tokens: _Tokens) -> Matcher:
    name = tokens.take("word")
    operator, value = tokens.take(*_OPERATORS), tokens.take("word")
    if name is None or not name.text or operator is None or value is None:
        said = name.text if name else tokens.next.kind
        raise MatcherError(f'{said[:60]} is no matcher: write label="value".')
    negated = operator.kind.startswith("!")
    return Matcher(name.text, value.text, "~" in operator.kind, not negated)


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
