"""Reads one YAML file into plain values, and remembers on which line each key stands.

The file is read as a stream of events, so that no shape of it costs more than its length: nesting
is bounded, aliases (by which a kilobyte becomes a gigabyte) are refused, and so are tags.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from dexwatch.bounded_file import read_bounded
from dexwatch.settings.problems import Problem, SettingsError
from dexwatch.settings.schema import Place

BYTES_MAX = 1_000_000
DEPTH_MAX = 32
EVENTS_MAX = 20_000
"""More keys, values and brackets than any real configuration; reading them takes seconds."""

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class YamlFile:
    """A file's values, and the line (from 1) of every key and list item."""

    path: Path
    values: dict[str, Any]
    lines: dict[Place, int]


def parse_yaml(path: Path, text: str) -> YamlFile:
    """Return what stands in the text of a file.

    Raises:
        SettingsError: it is no YAML mapping, repeats a key or is made to cost much.
    """
    return _Builder(path).build(text)


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SettingsError: it cannot be read, or is too large.
    """
    try:
        content = read_bounded(path, BYTES_MAX)
        if len(content) > BYTES_MAX:
            raise _refused(path, "is larger than 1 MB", "This is no dexwatch configuration.")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise _refused(
            path, "does not exist", "Name another with -c, or make one with `dexwatch init`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(
            path, f"cannot be read ({error})", "Make it a readable UTF-8 text file."
        ) from None


def _refused(path: Path, message: str, remedy: str, line: int = 0) -> SettingsError:
    return SettingsError([Problem(path, line, "", message, remedy)])


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    place: Place
    value: dict[str, Any] | list[Any]
    key: str | None = None
    """Of a mapping: the key whose value comes next."""


@dataclass
class _Builder:
    path: Path
    lines: dict[Place, int] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    whole: Any = None

    def build(self, text: str) -> YamlFile:
        yaml = YAML(typ="safe", pure=True)
        documents = 0
        for count, event in enumerate(self._events(yaml, text)):
            if count > EVENTS_MAX:
                raise self._refused(event, "holds too many keys and values", "Split or shorten it.")
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1:
                raise self._refused(event, "holds a second document", "Remove the line `---`.")
            self._take(yaml, event)
        if not isinstance(self.whole, dict):
            raise _refused(
                self.path,
                "holds no settings",
                "Begin with `name: ...`; `dexwatch init` writes an example.",
            )
        return YamlFile(self.path, self.whole, self.lines)

    def _events(self, yaml: YAML, text: str) -> Iterator[Event]:
        try:
            yield from yaml.parse(text)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise _refused(
                self.path,
                f"is no valid YAML: {error.problem}",
                "Mend the indentation or the quotes.",
                line,
            ) from None
        except (YAMLError, ValueError, RecursionError) as error:
            line = text.count("\n", 0, getattr(error, "position", 0)) + 1
            reason = str(error).partition("\n")[0]
            raise _refused(
                self.path, f"is no valid YAML: {reason}", "Mend the syntax.", line
            ) from None

    def _take(self, yaml: YAML, event: Event) -> None:
        if isinstance(event, AliasEvent):
            raise self._refused(
                event, "an alias (`*name`) is not allowed", "Write the value out where it is used."
            )
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            value: dict[str, Any] | list[Any] = {} if isinstance(event, MappingStartEvent) else []
            self._refuse_tag(event)
            if len(self.stack) >= DEPTH_MAX:
                raise self._refused(event, "is nested too deeply", "No setting lies so deep.")
            place = self._put(event, value)
            self.stack.append(_Open(place, value))
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self.stack.pop()
        elif isinstance(event, ScalarEvent):
            if any("\ud800" <= character <= "\udfff" for character in event.value):
                raise self._refused(event, "a text holds half a character", "Write it out.")
            top = self.stack[-1] if self.stack else None
            if top is not None and isinstance(top.value, dict) and top.key is None:
                self._key(event, top, top.value)
            else:
                self._put(event, self._scalar(yaml, event))

    def _key(self, event: ScalarEvent, top: _Open, mapping: dict[str, Any]) -> None:
        self._refuse_tag(event)
        place = (*top.place, event.value)
        if event.value in mapping:
            raise self._refused(
                event,
                f"the key `{event.value[:64]}` stands there twice, first on line "
                f"{self.lines[place]}",
                "Remove one of the two.",
            )
        top.key = event.value
        self.lines[place] = _line(event)

    def _put(self, event: Event, value: object) -> Place:
        """Put a value where it belongs, and return its place."""
        if not self.stack:
            self.whole = value
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            place = (*top.place, len(top.value))
            top.value.append(value)
            self.lines[place] = _line(event)
            return place
        if top.key is None:
            raise self._refused(event, "a key is no plain text", "Make it a word.")
        place = (*top.place, top.key)
        top.value[top.key] = value
        top.key = None
        return place

    def _scalar(self, yaml: YAML, event: ScalarEvent) -> object:
        tag = event.tag and str(event.tag)
        tag = tag or yaml.resolver.resolve(ScalarNode, event.value, event.implicit)
        if tag == _TEXT_TAG or str(tag).endswith(("timestamp", ":merge", ":value")):
            return event.value
        if str(tag) not in _PLAIN_TAGS:
            self._refuse_tag(event)
        try:
            node = ScalarNode(tag=tag, value=event.value)
            value = yaml.constructor.construct_object(node, deep=True)
        except (ValueError, OverflowError, YAMLError):
            value = math.inf
        # No setting means infinity or "no number", which compare in ways that nobody intends.
        if isinstance(value, float) and not math.isfinite(value):
            remedy = "Correct the value; a text of this form needs quotes."
            raise self._refused(event, "a number is too large, or none", remedy)
        return value

    def _refuse_tag(self, event: Event) -> None:
        if getattr(event, "tag", None):
            raise self._refused(event, "a tag (`!name`) is not allowed", "Remove it.")

    def _refused(self, event: Event, message: str, remedy: str) -> SettingsError:
        return _refused(self.path, message, remedy, _line(event))


def _line(event: Event) -> int:
    line: int = event.start_mark.line
    return line + 1
