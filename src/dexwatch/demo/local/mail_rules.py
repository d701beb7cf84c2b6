"""Whether a strict mail server would accept a message, by RFC 5322, 2045 and 2047.

Many servers are lenient, and those that are not refuse with 550 or 554.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

_LINE = 998
_ENCODED_LINE, _ENCODED_WORD = 76, 75
_WORD = re.compile(rb"=\?([^?\s]*)\?([^?\s]*)\?([^?\s]*)\?=")
_FIELD = re.compile(rb"[!-9;-~]+:")
_ONCE = (b"from", b"date", b"message-id", b"to", b"subject", b"mime-version", b"content-type")


def violations(raw: bytes, *, utf8: bool = False, eight_bit: bool = False) -> tuple[str, ...]:
    """Return what is wrong with a message as it came over the wire; empty when nothing.

    Args:
        raw: header and body, without the final dot.
        utf8: the client said SMTPUTF8.
        eight_bit: the client said BODY=8BITMIME.
    """
    head, _, body = raw.partition(b"\r\n\r\n")
    return (*_octets(raw, head, body, utf8=utf8, eight_bit=eight_bit), *_header(head))


def _octets(raw: bytes, head: bytes, body: bytes, *, utf8: bool, eight_bit: bool) -> Iterator[str]:
    if re.search(rb"(?<!\r)\n|\r(?!\n)", raw):
        yield "a bare CR or LF"
    if b"\0" in raw:
        yield "a NUL"
    if any(len(line) > _LINE for line in raw.split(b"\r\n")):
        yield f"a line of more than {_LINE} octets"
    if not (head.isascii() or utf8):
        yield "8-bit octets in the header without SMTPUTF8"
    if not (body.isascii() or eight_bit or utf8):
        yield "8-bit octets in the body without 8BITMIME"


def _header(head: bytes) -> Iterator[str]:
    names: Counter[bytes] = Counter()
    date = b""
    for number, line in enumerate(head.split(b"\r\n")):
        if line[:1] in (b" ", b"\t") and number:
            if not line.strip():
                yield "a header line of white space only"
        elif _FIELD.match(line):
            name = line.partition(b":")[0].lower()
            names[name] += 1
            date = line.partition(b":")[2] if name == b"date" else date
        else:
            yield "a header line that is not a field"
        yield from _encoded(line)
    for name in _ONCE:
        if names[name] > 1 or (names[name] == 0 and name in _ONCE[:3]):
            yield f"{names[name]} fields {name.decode()}"
    try:
        parsedate_to_datetime(date.decode("latin-1"))
    except (TypeError, ValueError):
        yield "an invalid date"


def _encoded(line: bytes) -> Iterator[str]:
    words = list(_WORD.finditer(line))
    if words and len(line) > _ENCODED_LINE:
        yield f"a line of {len(line)} characters with an encoded word"
    for word in words:
        around = line[word.start() - 1 : word.start()] + line[word.end() : word.end() + 1]
        if around.strip(b" \t"):
            yield "an encoded word without white space beside it"
        if len(word[0]) > _ENCODED_WORD:
            yield f"an encoded word of {len(word[0])} characters"
        yield from _decoded(word[1].lower(), word[2].lower(), word[3])


def _decoded(charset: bytes, encoding: bytes, text: bytes) -> Iterator[str]:
    if not text:
        yield "an empty encoded word"
    try:
        if encoding == b"b":
            octets = base64.b64decode(text, validate=True)
        else:
            octets = binascii.a2b_qp(text, header=True)
        octets.decode(charset.decode("ascii"))
    except (ValueError, LookupError):
        yield "an encoded word that cannot be decoded by itself"
