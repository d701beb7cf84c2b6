"""A part as somebody would add it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Addition:
    """What is written to add one part, and what must know it then."""

    files: dict[str, tuple[tuple[str, str], ...]]
    """File to replacements in it; of a file that does not exist yet, ("", its text)."""
    seen: str
    """A script that fails where the part is not known."""
    tests: tuple[str, ...] = ()
    """The arguments of pytest that judge it."""
