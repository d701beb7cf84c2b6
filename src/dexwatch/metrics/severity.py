"""How bad a thing is, and within what time somebody has promised to answer."""

from collections.abc import Mapping
from enum import StrEnum


class Severity(StrEnum):
    """P0 is a loss by the minute; P3 can wait for the working day."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def answer_minutes(self) -> int:
        """The promise: minutes from the first page to the acknowledgement."""
        return _ANSWER_MINUTES[self]

    @property
    def word(self) -> str:
        """The severity in plain words."""
        return _WORDS[self]

    def outranks(self, other: "Severity") -> bool:
        """Is this more urgent than the other?"""
        return self.value < other.value


_ANSWER_MINUTES = {Severity.P0: 5, Severity.P1: 15, Severity.P2: 30, Severity.P3: 120}
_WORDS = {Severity.P0: "critical", Severity.P1: "high", Severity.P2: "medium", Severity.P3: "low"}
_FOREIGN = {
    "critical": Severity.P0,
    "page": Severity.P0,
    "high": Severity.P1,
    "error": Severity.P1,
    "warning": Severity.P2,
    "medium": Severity.P2,
    "info": Severity.P3,
    "low": Severity.P3,
}
NOBODY = "none"
"""The severity of signals that are awaited, not answered, such as the dead man's."""


def severity_of(labels: Mapping[str, str]) -> Severity | None:
    """Return what the label `severity` of any source means; None where nobody is to be told.

    Words of other programs are understood; a word that nobody knows, and no word, are P2, so that
    somebody looks.
    """
    said = labels.get("severity", "").strip()
    if said.lower() == NOBODY:
        return None
    if said.upper() in Severity.__members__:
        return Severity(said.upper())
    return _FOREIGN.get(said.lower(), Severity.P2)
