"""Takes our own secrets out of what a server says: some repeat the address that was asked.

What they say ends in errors, logs and pages, so it is read only without them. Which part of an
address is the key is the provider's choice; so each part of a path, a query or a login counts as
one, but for short ones, which may stand in an answer by chance. What is known to be a secret is
hidden although it is short, but only as a whole word, and only in texts for people.
"""

import base64
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, quote, unquote, urlsplit

HIDDEN = b"[redacted]"
_LEAST_CHARACTERS = 6
_HEXADECIMAL_LEAST = 12
"""Fewer digits occur in blocks by chance."""
_WORD_LEAST = 3
"""Shorter secrets are no secrets, and would cost each text its articles."""
_LABEL_LEAST = 20
"""Shorter parts of a host's name are names that may be told."""
_HEXADECIMAL = re.compile("(?:0x)?[0-9a-fA-F]*")
_SECRET_NAME = re.compile("auth|cred|key|pass|secret|sig|token", re.IGNORECASE)
"""The names in a query whose values are secrets, however short."""
_FIELD = re.compile(rb'"\s*:')
"""What follows the name of a field in JSON."""


class Redaction:
    """The secrets of some addresses, and other ones such as the value of a header."""

    def __init__(self, *addresses: str, secrets: tuple[str, ...] = ()) -> None:
        found = {part for address in addresses for part in _parts(address)} | set(secrets)
        # The longest first: one may be a piece of another.
        telling = {form for part in filter(_is_telling, found) for form in _forms(part)}
        hidden = sorted(telling, key=len, reverse=True)
        self._parts = [part.encode(errors="replace") for part in hidden]
        known = {secret for address in addresses for secret in _known(address)} | set(secrets)
        short = {form for one in known if _is_short(one) for form in _forms(one)}
        self._words = sorted(short, key=len, reverse=True)

    def __call__(self, text: bytes) -> bytes:
        """Return JSON without the secrets, whose fields keep their names."""
        for part in self._parts:
            # Answers are megabytes and rarely hold one.
            if part in text:
                text = _but_fields(text, part)
        return text

    def text(self, text: str) -> str:
        """Return what is no JSON, such as a text of it, without the secrets."""
        said = text.encode(errors="replace")
        for part in self._parts:
            said = said.replace(part, HIDDEN)
        told = said.decode(errors="replace")
        for word in self._words:
            told = _but_inside_words(told, word)
        return told


def _but_fields(text: bytes, part: bytes) -> bytes:
    """Hide a part, but where a field has its name: `jsonrpc` may be a part of an address, too."""
    pieces, end = [], 0
    while (found := text.find(part, end)) >= 0:
        pieces.append(text[end:found])
        end = found + len(part)
        pieces.append(part if _FIELD.match(text, end) else HIDDEN)
    return b"".join((*pieces, text[end:]))


def _but_inside_words(text: str, word: str) -> str:
    """Hide a word where no letter or digit stands beside it."""
    pieces, end = [], 0
    while (found := text.find(word, end)) >= 0:
        pieces.append(text[end:found])
        end = found + len(word)
        inside = text[found - 1 : found].isalnum() or text[end : end + 1].isalnum()
        pieces.append(word if inside else HIDDEN.decode())
    return "".join((*pieces, text[end:]))


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        # No address at all, which whoever uses it says in a clear error.
        return urlsplit("")


def _known(address: str) -> Iterator[str]:
    """Yield what can be nothing else than a secret: a password, or the value of a key."""
    url = _split(address)
    login, _, _ = url.netloc.rpartition("@")
    name, _, password = login.partition(":")
    yield unquote(password or name)
    for pair in url.query.split("&"):
        name, mark, value = pair.partition("=")
        if not mark or _SECRET_NAME.search(name):
            yield unquote(value or name)


def _parts(address: str) -> Iterator[str]:
    url = _split(address)
    login, _, _ = url.netloc.rpartition("@")
    if login:
        yield base64.b64encode(unquote(login).encode()).decode()
    pairs = (pair.partition("=") for pair in url.query.split("&"))
    values = (value or name for name, _, value in pairs)
    labels = (label for label in url.netloc.split(".") if len(label) >= _LABEL_LEAST)
    for part in (*login.split(":", 1), *url.path.split("/"), *values, *labels):
        yield part
        yield unquote(part)


def _forms(part: str) -> Iterator[str]:
    """Yield how a server may write it: in other letters, as an address has it, as JSON has it."""
    for written in (part, quote(part, safe="", errors="replace"), part.replace("/", "\\/")):
        yield from (written, written.lower(), written.upper())


def _is_short(secret: str) -> bool:
    return len(secret) >= _WORD_LEAST and not _is_telling(secret)


def _is_telling(part: str) -> bool:
    least = _HEXADECIMAL_LEAST if _HEXADECIMAL.fullmatch(part) else _LEAST_CHARACTERS
    return len(part) >= least
