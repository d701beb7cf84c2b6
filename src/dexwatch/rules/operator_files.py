"""Rule files of the operator's own: read with their lines, and checked as ours are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser as promql
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

from dexwatch.metrics import METRICS
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.scrape_class import STANDARD
from dexwatch.rules.expression import Vocabulary
from dexwatch.rules.expression_checks import (
    LONGEST_ANNOTATION,
    LintFinding,
    check_expression,
    check_shown_labels,
)
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rule import RecordingRule

_DEPTH_MAX = 32
FILE_BYTES_MAX = 1_000_000
"""A larger rule file is not read."""

_OURS = (*(rule.id for rule in ALERTS), *(rule.name for rule in RECORDING_RULES))
_WANTED = {
    "component": "the part of the platform that it is about, as ours do",
    "team": "the team that answers",
    "alert_group": "the worst alert of a group inhibits the lesser ones",
}


@dataclass(frozen=True)
class OperatorRule:
    """One rule of a file; a recording rule has no labels and annotations."""

    name: str
    file: str
    line: int
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_alert: bool = True
    keep_firing: bool = False

    @property
    def place(self) -> str:
        """Where it begins, as `file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirement ids that its annotation `requirements` names, separated by commas."""
        named = self.annotations.get("requirements", "").split(",")
        return tuple(each.strip() for each in named if each.strip())


class OperatorFileError(ValueError):
    """The file is no rule file; `line` says where it ends to be one, from 1."""

    def __init__(self, message: str, line: int, remedy: str = "correct this line") -> None:
        super().__init__(message)
        self.line = line
        self.remedy = remedy


def read_rules(file: str, text: str) -> tuple[OperatorRule, ...]:
    """Return the rules of a file, in its order.

    Raises:
        OperatorFileError: it is not YAML, is made to cost much, or has no list of groups.
    """
    try:
        _refuse_costly(text)
        document = YAML(pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise OperatorFileError(str(error.problem or error).replace("\n", " "), line) from None
    except YAMLError as error:
        raise OperatorFileError(str(error).replace("\n", " "), 1) from None
    groups = document.get("groups") if isinstance(document, dict) else None
    if not isinstance(groups, list):
        raise OperatorFileError("no list `groups`", 1, "begin with `groups:`")
    return tuple(
        _rule(file, entry)
        for group in groups
        if isinstance(group, dict) and isinstance(group.get("rules"), list)
        for entry in group["rules"]
        if isinstance(entry, dict)
    )


def _refuse_costly(text: str) -> None:
    """Follow no alias before it is known how much all of them, written out, come to."""
    size = 0
    sizes: dict[str | None, int] = {}
    opened: list[tuple[str | None, int]] = []
    for event in YAML(pure=True).parse(text):
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in opened):
                message = f"*{event.anchor} stands within what it stands for"
                raise OperatorFileError(message, line, "remove it there")
            size += sizes.get(event.anchor, 0)
        elif isinstance(event, ScalarEvent):
            sizes[event.anchor] = 1 + len(event.value)
            size += sizes[event.anchor]
        elif isinstance(event, CollectionStartEvent):
            opened.append((event.anchor, size))
            size += 1
        elif isinstance(event, CollectionEndEvent):
            anchor, before = opened.pop()
            sizes[anchor] = size - before
        if len(opened) > _DEPTH_MAX:
            raise OperatorFileError("it is nested too deeply", line, "write it flatter")
        if size > FILE_BYTES_MAX:
            message = f"with its aliases written out it has more than {FILE_BYTES_MAX} characters"
            raise OperatorFileError(message, line, "write what they stand for where it is needed")


def _rule(file: str, entry: Any) -> OperatorRule:  # noqa: ANN401 - what YAML holds.
    return OperatorRule(
        name=str(entry.get("alert") or entry.get("record") or "a rule without name"),
        file=file,
        line=entry.lc.line + 1,
        expr=str(entry.get("expr", "")),
        labels=_texts(entry.get("labels")),
        annotations=_texts(entry.get("annotations")),
        is_alert="alert" in entry,
        keep_firing="keep_firing_for" in entry,
    )


def _texts(found: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def lint_files(texts: Mapping[str, str]) -> tuple[LintFinding, ...]:
    """Return what is wrong with the texts of rule files, by name, that are loaded together.

    Metrics that nobody declares are only warned of.
    """
    found: list[LintFinding] = []
    rules: list[OperatorRule] = []
    for file, text in texts.items():
        try:
            rules += read_rules(file, text)
        except OperatorFileError as error:
            place = f"{file}:{error.line}"
            found.append(LintFinding("yaml", place, str(error), error.remedy))
    known = Vocabulary(METRICS, (*RECORDING_RULES, *map(_recorded, rules)))
    first = dict.fromkeys(_OURS, "a rule of dexwatch")
    for rule in rules:
        # What a file records it may record again under other labels; an alert's name is its own.
        if rule.name in first and (rule.is_alert or rule.name in _OURS):
            message = f"{rule.name} is there already: {first[rule.name]}"
            found.append(LintFinding("duplicate", rule.place, message, "choose another name"))
        first.setdefault(rule.name, rule.place)
        where = f"{rule.place}: {rule.name}"
        found += check_expression(where, rule.expr, STANDARD, PRODUCTION, known, strict=False)
        if rule.is_alert:
            found += _card(rule, where, known)
    return tuple(found)


def _recorded(rule: OperatorRule) -> RecordingRule:
    """Make what a file records known to its other rules; alerts are named like no metric."""
    return RecordingRule(
        name=rule.name, help="", unit=Unit.COUNT, value=lambda _: rule.expr, labels=()
    )


def _card(rule: OperatorRule, where: str, known: Vocabulary) -> Iterator[LintFinding]:
    if not re.fullmatch("P[0-3]|none", rule.labels.get("severity", "")):
        remedy = "add `labels: {severity: P2}`"
        yield LintFinding("no-severity", where, "no severity P0 to P3", remedy)
    for label, reason in _WANTED.items():
        if not rule.labels.get(label):
            remedy = f"add it under `labels`: {reason}"
            yield LintFinding(f"no-{label}", where, f"no label {label}", remedy, "warning")
    component = rule.labels.get("component")
    if component and component not in set(Component):
        remedy = f"use one of: {', '.join(Component)}"
        message = f"there is no component {component}"
        yield LintFinding("unknown-component", where, message, remedy, "warning")
    if not rule.annotations.get("summary"):
        remedy = "add `annotations: {summary: ...}`"
        yield LintFinding("no-summary", where, "no summary", remedy)
    if not (rule.annotations.get("runbook_url") or rule.annotations.get("runbook")):
        remedy = "add `runbook_url`, or the steps themselves as `runbook`, under `annotations`"
        yield LintFinding("no-runbook", where, "nobody is told what to do", remedy)
    if not rule.keep_firing:
        remedy = "add `keep_firing_for: 2m`"
        message = "a single lost scrape would count as resolved"
        yield LintFinding("no-keep", where, message, remedy, "warning")
    yield from _annotations(rule, where, known)


def _annotations(rule: OperatorRule, where: str, known: Vocabulary) -> Iterator[LintFinding]:
    for name, text in rule.annotations.items():
        if len(text) > LONGEST_ANNOTATION:
            message = f"the annotation {name} has {len(text)} characters"
            yield LintFinding("long-annotation", where, message, f"stay below {LONGEST_ANNOTATION}")
    try:
        tree = promql.parse(rule.expr)
    except ValueError:
        return  # Reported as a mistake of the expression already.
    texts = " ".join(rule.annotations.values())
    yield from check_shown_labels(where, texts, tree, known, added=rule.labels)


def promtool_tests(file: Path) -> tuple[Path, ...]:
    """Return the promtool tests of a rule file: `mine.test.yml` or `mine_test.yml` beside it."""
    names = [f"{file.stem}{mark}test{file.suffix}" for mark in (".", "_")]
    return tuple(path for name in names if (path := file.with_name(name)).is_file())
