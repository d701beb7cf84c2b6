"""Foreign text in messages: bounded, and without what could forge lines or turn their direction."""

import unicodedata

# Marks that turn the direction of text for good, or for all that follows them.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_LONGEST = 20_000
"""What is longer is cut before it is looked at; no message shows so many characters."""


def one_line(text: str, most: int) -> str:
    """Return at most `most` characters on one line, with single spaces."""
    return cut(" ".join(_printable(cut(text, _LONGEST)).split()), most)


def lines(text: str, most: int) -> list[str]:
    """Return the lines of at most `most` characters, without empty ones at either end."""
    kept = [" ".join(_printable(line).split()) for line in cut(text, _LONGEST).splitlines()]
    return cut("\n".join(kept).strip("\n"), most).split("\n")


def isolated(text: str) -> str:
    """Return text that cannot change the order in which what stands beside it is read."""
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def cut(text: str, most: int) -> str:
    """Return at most `most` characters; what was cut off shows as an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _printable(text: str) -> str:
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if c not in _BIDI and unicodedata.category(c) not in ("Cs", "Cn")
    )
