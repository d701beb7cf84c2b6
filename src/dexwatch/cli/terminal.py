"""Text for a terminal: nothing foreign in it can steer the terminal or deceive the reader.

A terminal obeys control characters: an escape sequence in a label could move the cursor, write into
the clipboard or change the window's title. Marks of direction change the order in which letters
are shown. All of them are written out, so that they are seen and do nothing.
"""

import unicodedata
from typing import IO, Any

from rich.console import Console
from rich.markup import escape

_KEPT = "\n\t"
_STEERS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Controls, formats (marks of direction, zero width), surrogates, private use, separators."""


class SafeConsole(Console):
    """A console that makes every text safe, cells of tables included, before it is drawn."""

    def __init__(self, *, stderr: bool = False, file: IO[str] | None = None) -> None:
        super().__init__(stderr=stderr, file=file, emoji=False)

    def render_str(self, text: str, **options: Any) -> Any:  # noqa: ANN401 - as the library has it.
        """Read the markup of a text; all that is printed as a text passes here."""
        return super().render_str(safe(text), **options)


def safe(text: str) -> str:
    r"""Return the text with every character that steers a terminal written as its code.

    >>> safe("\x1b[31mred")
    '\\x1b[31mred'
    """
    return "".join(character if _shown(character) else _code(character) for character in text)


def foreign(text: str) -> str:
    """Return foreign text as part of one printed line: no control, no markup, no line break."""
    return escape(safe(text).replace("\n", "\\n").replace("\t", " "))


def safe_json(document: bytes) -> bytes:
    """Return a JSON document in which every character that steers is coded as JSON codes it."""
    text = document.decode()
    return "".join(
        character if _shown(character) else _json_code(character) for character in text
    ).encode()


def _shown(character: str) -> bool:
    return character in _KEPT or unicodedata.category(character) not in _STEERS


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_code(character: str) -> str:
    pairs = character.encode("utf-16-be")
    return "".join(f"\\u{pairs[at]:02x}{pairs[at + 1]:02x}" for at in range(0, len(pairs), 2))
