"""Reads a YAML file into plain values and remembers on which line each key stands.

Two forms keep secrets out of the file, wherever a scalar may stand:

    dsn: {env: PLATFORM_DSN}          # the environment variable
    token: {file: ./hook.token}       # the file's first line, relative to the configuration file

They are resolved here, so the capabilities see only values.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from dexwatch.settings.problems import Problem, SettingsError
from dexwatch.settings.schema import Place

SIZE_MAX_BYTES = 1_000_000
SECRET_MAX_BYTES = 16_384


@dataclass(frozen=True)
class Document:
    """A configuration file as plain values, with the line of every place."""

    file: Path
    values: dict[str, Any]
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest one that holds it (0: none is known)."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 0

    def at(self, place: Place) -> Any:  # noqa: ANN401 - a YAML value may be anything.
        """Return the value at a place, or None."""
        value: Any = self.values
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def read(file: Path) -> Document:
    """Read the file.

    Raises:
        SettingsError: the file cannot be read, is no YAML mapping, repeats a key,
            or a secret that it points to is missing.
    """
    values = _parse(file, _text(file))
    lines: dict[Place, int] = {}
    problems: list[Problem] = []
    plain = _Walk(file, lines, problems).plain(values, ())
    if problems:
        raise SettingsError(problems)
    return Document(file, plain, lines)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > SIZE_MAX_BYTES:
            raise _refused(file, "is larger than 1 MB", "This is no dexwatch configuration.")
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _refused(
            file, "does not exist", "Name another with -c, or make one with `dexwatch init`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(
            file, f"cannot be read ({error})", "Make it a readable UTF-8 text file."
        ) from None


def _parse(file: Path, text: str) -> CommentedMap:
    try:
        values = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _refused(file, "a key stands there twice", "Remove one of the two.", line) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _refused(
            file, f"is no valid YAML: {error.problem}", "Mend the indentation or the quotes.", line
        ) from None
    except YAMLError as error:
        raise _refused(file, f"is no valid YAML: {error}", "Mend the syntax.") from None
    if not isinstance(values, CommentedMap):
        raise _refused(
            file, "holds no settings", "Begin with `name: ...`; `dexwatch init` writes an example."
        )
    return values


def _refused(file: Path, message: str, remedy: str, line: int = 0) -> SettingsError:
    return SettingsError([Problem(file, line, "", message, remedy)])


class _Walk:
    """Turns ruamel's nodes into plain values, noting lines and resolving references on the way."""

    def __init__(self, file: Path, lines: dict[Place, int], problems: list[Problem]) -> None:
        self._file = file
        self._lines = lines
        self._problems = problems

    def plain(self, node: Any, place: Place) -> Any:  # noqa: ANN401 - a YAML value may be anything.
        if isinstance(node, CommentedMap):
            if len(node) == 1 and next(iter(node)) in {"env", "file"}:
                return self._reference(node, place)
            for key in node:
                self._lines[*place, key] = node.lc.key(key)[0] + 1
            return {key: self.plain(value, (*place, key)) for key, value in node.items()}
        if isinstance(node, CommentedSeq):
            for index in range(len(node)):
                self._lines[*place, index] = node.lc.item(index)[0] + 1
            return [self.plain(value, (*place, index)) for index, value in enumerate(node)]
        return node

    def _reference(self, node: CommentedMap, place: Place) -> str | None:
        kind, name = next(iter(node.items()))
        if kind == "env":
            value = os.environ.get(str(name))
            if value is not None:
                return value
            self._missing(
                place,
                f"the environment variable {name} is not set",
                f"Set {name} before you start dexwatch.",
            )
            return None
        path = (self._file.parent / str(name)).resolve()
        try:
            with path.open(encoding="utf-8") as stream:
                return stream.readline(SECRET_MAX_BYTES).rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is no text"
            self._missing(
                place, f"the file {path} cannot be read ({reason})", "Create it with mode 0600."
            )
            return None

    def _missing(self, place: Place, message: str, remedy: str) -> None:
        key = dotted(place)
        self._problems.append(Problem(self._file, self._lines.get(place, 0), key, message, remedy))


def dotted(place: Place) -> str:
    """Return a place as an operator would write it: `chain.endpoints[0].http`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
