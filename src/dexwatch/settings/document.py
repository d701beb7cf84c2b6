"""One document out of all configuration files, with the place of each value, and secrets fetched.

The main file and those in `conf.d` beside it are merged: mappings key by key, lists by appending,
in the order of the files' names. A value that two files give is an error that names both.

Three forms keep secrets out of the files:

    dsn: {env: PLATFORM_DSN}          # the environment variable
    token: {file: ./hook.token}       # the file's first line, relative to the file that says so
    token_file: ./hook.token          # the same, wherever a secret may stand

They are resolved here, so the capabilities see only values. A secret that is not wanted is never
read at all.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from dexwatch.secret import Withheld
from dexwatch.settings.problems import Problem, SettingsError
from dexwatch.settings.references import (
    NotFetchedError,
    from_file,
    from_variable,
    is_reference,
    variable_name,
)
from dexwatch.settings.schema import Place, is_secret, keys
from dexwatch.settings.yaml_file import YamlFile, parse_yaml, read_text

C = TypeVar("C")

FOLDER = "conf.d"
FILES_MAX = 200
_FILE_KEY = "_file"
_BETWEEN_SECONDS = 0.1
_READINGS = 10


class Mark(NamedTuple):
    """Where a value stands; `line` counts from 1 and is 0 where none is known."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass
class Document:
    """All configuration files as plain values, with the mark of every place."""

    file: Path
    """The main one."""
    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[Place, Mark] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    """All configuration files that were read."""
    secret_files: tuple[Path, ...] = ()
    """The files of which secrets were read."""
    fetched: set[Place] = field(default_factory=set)
    """Where values stand that came from a variable or another file."""
    variables: dict[Place, str] = field(default_factory=dict)
    """The environment variables that secrets come from, also of those that are withheld."""
    problems: list[Problem] = field(default_factory=list)
    """Values that are given twice or are not to be had; all others can be judged all the same."""
    absent: list[Problem] = field(default_factory=list)
    """Secrets that are not to be had; `Withheld` stands in their places."""

    def mark(self, place: Place) -> Mark:
        """Return the mark of a place, or of the nearest one that holds it."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.marks:
                return self.marks[place[:length]]
        return Mark(self.file, 0)

    def at(self, place: Place) -> Any:  # noqa: ANN401 - a YAML value may be anything.
        """Return the value at a place, or None."""
        value: Any = self.values
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def read_texts(file: Path) -> dict[Path, str]:
    """Return the text of the file and of those in `conf.d` beside it, in the order of merging.

    `file` may also be a folder of such files.

    Raises:
        SettingsError: with every file that cannot be read.
    """
    problems: list[Problem] = []
    texts = {}
    for path in _files(file, problems):
        try:
            texts[path] = read_text(path)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return texts


def read_whole_texts(file: Path) -> dict[Path, str]:
    """Return the texts as soon as two readings agree: an editor may be in the middle of a file.

    Raises:
        SettingsError: with every file that cannot be read, or those that go on changing.
    """
    return whole(lambda: read_texts(file))


def whole(reading: Callable[[], dict[Path, C]]) -> dict[Path, C]:
    """Return the files' contents on which two readings in a row agree.

    Raises:
        SettingsError: with every file that goes on changing.
    """
    former, latter = {}, reading()
    for _ in range(_READINGS):
        time.sleep(_BETWEEN_SECONDS)
        former, latter = latter, reading()
        if former == latter:
            return latter
    message = f"changed while it was read {_READINGS + 1} times"
    differ = {path for path in former | latter if former.get(path) != latter.get(path)}
    raise SettingsError([Problem(p, 0, "", message, "Reload when it is written.") for p in differ])


def read(
    file: Path,
    model: type[BaseModel],
    *,
    wanted: Callable[[Place], bool] = lambda _: True,
    texts: Mapping[Path, str] | None = None,
) -> Document:
    """Read the configuration of a file or folder, or of its files' texts as they once were.

    `model` says where secrets stand, `wanted` which of them are read.

    Raises:
        SettingsError: with every file that cannot be read or is no YAML mapping.
    """
    problems: list[Problem] = []
    merge = _Merge(Document(file), model, wanted)
    for path in _files(file, problems) if texts is None else texts:
        try:
            source = parse_yaml(path, read_text(path) if texts is None else texts[path])
        except SettingsError as error:
            problems += error.problems
            continue
        merge.add(source)
    if problems:
        raise SettingsError([*problems, *merge.document.problems, *merge.document.absent])
    return merge.document


def _files(file: Path, problems: list[Problem]) -> Iterator[Path]:
    folder = file if file.is_dir() else file.parent / FOLDER
    try:
        found = sorted(
            path
            for path in (folder.iterdir() if folder.is_dir() else ())
            if path.suffix in {".yml", ".yaml"} and not path.name.startswith(".")
        )
    except OSError as error:
        problems.append(
            Problem(folder, 0, "", f"cannot be listed ({error.strerror})", "Let us read it.")
        )
        found = []
    if len(found) > FILES_MAX:
        problems.append(
            Problem(folder, 0, "", f"holds more than {FILES_MAX} files", "Join some of them.")
        )
        found = found[:FILES_MAX]
    if not file.is_dir():
        yield file
    elif not found:
        problems.append(Problem(file, 0, "", "holds no *.yml file", "Put one there."))
    yield from found


@dataclass
class _Merge:
    document: Document
    model: type[BaseModel]
    wanted: Callable[[Place], bool]

    def add(self, source: YamlFile) -> None:
        self.document.files = (*self.document.files, source.path)
        self._mapping(self.document.values, source.values, (), (), source)

    def _mapping(
        self,
        into: dict[str, Any],
        values: dict[str, Any],
        place: Place,
        origin: Place,
        source: YamlFile,
    ) -> None:
        """Merge `values`, which stand at `origin` in their file, into what stands at `place`."""
        for key, value in values.items():
            mark = Mark(source.path, source.lines.get((*origin, key), 0))
            name, value = self._unfiled((*place, key), value)  # noqa: PLW2901 - {file: ...} for x_file.
            here = (*place, name)
            former = into.get(name)
            if name not in into:
                self.document.marks[here] = mark
                into[name] = self._value(value, here, (*origin, key), source)
            elif isinstance(former, dict) and isinstance(value, dict) and not is_reference(value):
                self._mapping(former, value, here, (*origin, key), source)
            elif isinstance(former, list) and isinstance(value, list):
                self._items(former, value, here, (*origin, key), source)
            else:
                message = f"is given twice, first at {self.document.mark(here)}"
                problem = self._problem(here, message, "Remove one of the two.", mark=mark)
                self.document.problems.append(problem)

    def _items(
        self, into: list[Any], values: list[Any], place: Place, origin: Place, source: YamlFile
    ) -> None:
        for index, value in enumerate(values):
            here = (*place, len(into))
            self.document.marks[here] = Mark(source.path, source.lines.get((*origin, index), 0))
            into.append(self._value(value, here, (*origin, index), source))

    def _value(self, value: Any, place: Place, origin: Place, source: YamlFile) -> Any:  # noqa: ANN401
        secret = is_secret(self.model, place)
        if isinstance(value, dict) and is_reference(value):
            return self._reference(value, place, source, secret=secret)
        if secret and value is not None and not self.wanted(place):
            return Withheld()
        if isinstance(value, dict):
            mapping: dict[str, Any] = {}
            self._mapping(mapping, value, place, origin, source)
            return mapping
        if isinstance(value, list):
            items: list[Any] = []
            self._items(items, value, place, origin, source)
            return items
        return value

    def _unfiled(self, place: Place, value: Any) -> tuple[str, Any]:  # noqa: ANN401
        """Turn `token_file: x` into `token: {file: x}` where a secret `token` may stand."""
        key = str(place[-1])
        bare = key.removesuffix(_FILE_KEY)
        if bare == key or key in keys(self.model, place[:-1]):
            return key, value
        if not is_secret(self.model, (*place[:-1], bare)):
            return key, value
        return bare, {"file": value}

    def _reference(
        self, value: dict[str, Any], place: Place, source: YamlFile, *, secret: bool
    ) -> Any:  # noqa: ANN401 - a secret, or what stands for it.
        kind, name = next(iter(value.items()))
        self.document.fetched.add(place)
        try:
            if kind == "env":
                name = variable_name(str(name))
                if secret:
                    self.document.variables[place] = name
            if secret and not self.wanted(place):
                return Withheld()
            if kind == "env":
                return from_variable(name)
            path = (source.path.parent / str(name)).resolve()
            found = from_file(path)
        except NotFetchedError as error:
            into = self.document.absent if secret else self.document.problems
            into.append(self._problem(place, str(error), error.remedy))
            return Withheld() if secret else None
        if secret:
            self.document.secret_files = (*self.document.secret_files, path)
        return found

    def _problem(
        self, place: Place, message: str, remedy: str, *, mark: Mark | None = None
    ) -> Problem:
        mark = mark or self.document.mark(place)
        return Problem(mark.file, mark.line, dotted(place), message, remedy)


def dotted(place: Place) -> str:
    """Return a place as an operator would write it: `chain.endpoints[0].http`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
