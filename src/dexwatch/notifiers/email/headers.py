"""Header fields of a mail, folded and encoded exactly by RFC 5322 and RFC 2047.

The standard library's folding leaves encoded words that are empty, too long or glued together,
which strict receivers refuse.
"""

import base64
from collections.abc import Iterable

_LINE = 76
"""A line with an encoded word has at most so many characters (RFC 2047, section 2)."""

_BEGIN, _END = "=?utf-8?b?", "?="
_WORD_BYTES = 39
"""So much text fits into an encoded word of 64 characters, which follows `Subject: ` on a line.

The limit is 75 characters (RFC 2047, section 2).
"""


def structured(name: str, value: str) -> bytes:
    """Return a field of addresses, ids or other tokens: it is folded at spaces, never encoded.

    Characters that are not printed are left out: a line break among them would begin another field.
    """
    return _folded(name, "".join(filter(str.isprintable, value)).split(" "))


def unstructured(name: str, text: str) -> bytes:
    """Return a field of words for people, encoded from the first word on that needs it.

    Half a surrogate pair becomes a question mark.
    """
    words = text.split(" ")
    plain = next((n for n, word in enumerate(words) if not _plain(word)), len(words))
    # What is encoded keeps its own spaces; those between encoded words are not shown.
    encoded = _encoded_words(" ".join(words[plain:])) if plain < len(words) else []
    return _folded(name, [*words[:plain], *encoded])


def _folded(name: str, tokens: Iterable[str]) -> bytes:
    lines, line = [], f"{name}:"
    for number, token in enumerate(tokens):
        if number and len(line) + 1 + len(token) > _LINE:
            lines.append(line)
            line = ""
        line += f" {token}"
    return "\r\n".join([*lines, line]).encode() + b"\r\n"


def _plain(word: str) -> bool:
    # An empty word is one of two spaces in a row, which folding would lose.
    return word.isascii() and word.isprintable() and 0 < len(word) <= 60 and "=?" not in word


def _encoded_words(text: str) -> list[str]:
    """Return encoded words that together say `text`; none holds a part of a character."""
    parts, part = [], b""
    for character in text:
        octets = character.encode(errors="replace")
        if len(part) + len(octets) > _WORD_BYTES:
            parts.append(part)
            part = b""
        part += octets
    return [f"{_BEGIN}{base64.b64encode(p).decode()}{_END}" for p in (*parts, part) if p]
