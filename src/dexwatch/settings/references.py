"""Values that stand outside of the configuration files: `{env: NAME}` and `{file: PATH}`."""

import os
import re
from pathlib import Path
from typing import Any

from dexwatch.bounded_file import read_bounded

SECRET_MAX_BYTES = 16_384
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Controls, and what Python makes of bytes that are no UTF-8."""


class NotFetchedError(Exception):
    """A value is not to be had."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def is_reference(value: dict[str, Any]) -> bool:
    """Whether a mapping says where the value stands, and is not itself the value."""
    return len(value) == 1 and next(iter(value)) in {"env", "file"}


def variable_name(name: str) -> str:
    """Return what is a variable's name.

    Raises:
        NotFetchedError: it is none. It may be the secret itself, so it is not told.
    """
    if not _VARIABLE.fullmatch(name):
        raise NotFetchedError(
            "what stands at `env` is no variable's name",
            "Put the value into an environment variable, and that variable's name here.",
        )
    return name


def from_variable(name: str) -> str:
    """Return the value of an environment variable.

    Raises:
        NotFetchedError: it is not set, or is not one line of text.
    """
    found = os.environ.get(name)
    if found is None:
        raise NotFetchedError(
            f"the environment variable {name} is not set", f"Set {name} before you start dexwatch."
        )
    if _NO_TEXT.search(found):
        raise NotFetchedError(
            f"the environment variable {name} is not one line of text",
            f"Set {name} to one line of UTF-8.",
        )
    return found


def from_file(path: Path) -> str:
    """Return the first line of a file.

    Raises:
        NotFetchedError: it cannot be read, or is no text.
    """
    try:
        line, ended, _ = read_bounded(path, SECRET_MAX_BYTES).partition(b"\n")
        if b"\0" in line or (not ended and len(line) > SECRET_MAX_BYTES):
            raise ValueError("no line of text")  # noqa: TRY301 - told as text that is none.
        return line.decode().rstrip("\r")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        message = f"the file {path} cannot be read ({reason})"
        raise NotFetchedError(message, "Create it with mode 0600.") from error
