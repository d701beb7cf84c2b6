"""What `dexwatch check` says about rules, beyond what promtool refuses: text in, findings out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import promql_parser as promql
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Kind, Unit
from dexwatch.metrics.profile import PRODUCTION, SCRAPES_PER_WINDOW, EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.expression import (
    COUNTING,
    OF_COUNTERS,
    OF_GAUGES,
    PRESENCE,
    Vocabulary,
    labels,
    unit,
    units_agree,
    uses,
)
from dexwatch.rules.rendering import UnknownRuleError, annotations, configured
from dexwatch.rules.rule import AlertRule, RecordingRule

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing to put right."""

    check: str
    """The kind of mistake, for example `unknown-metric`."""
    place: str
    """The rule, and for rules of one's own the file."""
    message: str
    remedy: str
    level: Level = "error"


def lint(
    alerts: Sequence[AlertRule],
    recordings: Sequence[RecordingRule],
    profile: EvaluationProfile = PRODUCTION,
    config: RulesConfig | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong with the rules at this profile, with the operator's changes applied."""
    found = list(_duplicates(profile, alerts, recordings))
    try:
        alerts = configured(alerts, config or RulesConfig())
    except UnknownRuleError as error:
        found.append(Finding("config", "rules", str(error), "correct or remove the rule's id"))
    known = Vocabulary(METRICS, tuple(recordings))
    for recording in recordings:
        found += _expression(
            recording.name, recording.value(profile), recording.scrape_class, profile, known
        )
    for rule in alerts:
        found += _expression(rule.id, rule.expr(profile), rule.scrape_class, profile, known)
        found += _card(rule)
        found += _threshold(rule)
        found += _hold(rule, profile)
        found += _result(rule, profile, known)
        found += _annotations(rule, profile)
    return tuple(found)


def lint_file(
    place: str, text: str, *, profile: EvaluationProfile = PRODUCTION
) -> tuple[Finding, ...]:
    """Return what is wrong with an operator's own rule file; unknown metrics are only warned of."""
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        reason = str(error).replace("\n", " ")
        return (Finding("yaml", place, reason, "correct the YAML at the line named"),)
    from_ours = Vocabulary(METRICS, ())
    found: list[Finding] = []
    groups = document.get("groups") if isinstance(document, dict) else None
    if not isinstance(groups, list):
        return (Finding("yaml", place, "no list `groups`", "begin the file with `groups:`"),)
    for group in groups:
        rules = group.get("rules") if isinstance(group, dict) else None
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict):
                found += _own_rule(place, rule, profile, from_ours)
    return tuple(found)


def _own_rule(
    place: str, rule: dict[str, Any], profile: EvaluationProfile, known: Vocabulary
) -> Iterator[Finding]:
    name = str(rule.get("alert") or rule.get("record") or "a rule without name")
    where = f"{place}: {name}"
    yield from _expression(
        where, str(rule.get("expr", "")), ScrapeClass.STANDARD, profile, known, strict=False
    )
    if "alert" not in rule:
        return
    given = rule.get("labels") or {}
    if not re.fullmatch("P[0-3]|none", str(given.get("severity", ""))):
        yield Finding("no-severity", where, "no severity P0 to P3", "add `labels: {severity: P2}`")
    for label in ("component", "team", "alert_group"):
        if not given.get(label):
            yield Finding(
                f"no-{label}",
                where,
                f"no label {label}",
                f"add it under `labels`: {_REASONS[label]}",
                "warning",
            )
    notes = rule.get("annotations") or {}
    for note in ("summary", "runbook_url"):
        if not notes.get(note):
            yield Finding(f"no-{note}", where, f"no {note}", f"add `annotations: {{{note}: ...}}`")


_REASONS = {
    "component": "the part of the platform that it is about",
    "team": "the team that answers",
    "alert_group": "the worst alert of a group inhibits the lesser ones",
}


def _duplicates(
    profile: EvaluationProfile, alerts: Sequence[AlertRule], recordings: Sequence[RecordingRule]
) -> Iterator[Finding]:
    names = Counter([*(rule.id for rule in alerts), *(rule.name for rule in recordings)])
    for name, times in names.items():
        if times > 1:
            yield Finding("duplicate", name, f"defined {times} times", "keep one, rename the rest")
    first: dict[tuple[str, float], str] = {}
    for rule in alerts:
        other = first.setdefault((rule.expr(profile), rule.for_seconds), rule.id)
        if other != rule.id:
            yield Finding(
                "duplicate", rule.id, f"says the same as {other}", "remove one of the two"
            )


def _expression(
    place: str,
    text: str,
    scrape_class: ScrapeClass,
    profile: EvaluationProfile,
    known: Vocabulary,
    *,
    strict: bool = True,
) -> Iterator[Finding]:
    try:
        tree = promql.parse(text)
    except ValueError as error:
        yield Finding("syntax", place, str(error), "correct the expression")
        return
    shortest = SCRAPES_PER_WINDOW * profile.scrape_ms(scrape_class)
    for use in uses(tree):
        if not known.knows(use.name):
            yield Finding(
                "unknown-metric",
                place,
                f"nobody declares {use.name or 'a selector without name'}",
                "correct the name, or declare the metric in dexwatch/metrics",
                "error" if strict else "warning",
            )
            continue
        allowed = known.labels_of(use.name) or frozenset()
        for label in sorted(set(use.labels) - allowed):
            yield Finding(
                "unknown-label",
                place,
                f"{use.name} has no label {label}",
                f"use one of: {', '.join(sorted(allowed)) or 'none'}",
            )
        yield from _function(place, use.name, use.function, known)
        if use.range_ms is not None and use.range_ms < shortest:
            yield Finding(
                "short-window",
                place,
                f"a range of {use.range_ms} ms holds fewer than {SCRAPES_PER_WINDOW} scrapes",
                f"use at least {shortest} ms at this scrape_class",
            )


def _function(place: str, name: str, function: str | None, known: Vocabulary) -> Iterator[Finding]:
    kind = known.kind(name)
    if kind is Kind.COUNTER and function not in OF_COUNTERS | PRESENCE | {COUNTING}:
        yield Finding(
            "bare-counter",
            place,
            f"{name} is a counter and only ever grows",
            "take its rate() or increase() over a range",
        )
    if kind is Kind.GAUGE and function in OF_COUNTERS:
        yield Finding(
            "rate-of-gauge",
            place,
            f"{name} is a gauge and {function}() would take each fall for a restart",
            f"use one of: {', '.join(sorted(OF_GAUGES))}, or compare averages",
        )


def _card(rule: AlertRule) -> Iterator[Finding]:
    for field in ("team", "alert_group", "summary", "description", "why"):
        if not getattr(rule, field).strip():
            yield Finding(f"no-{field}", rule.id, f"no {field}", f"write its {field}")
    if rule.routed and rule.threshold not in {0, 1} and "{threshold}" not in rule.summary:
        says_number = re.search(r"\d|within|\{value\}", rule.summary)
        if not says_number:
            yield Finding(
                "summary-without-limit",
                rule.id,
                "the summary names neither value nor limit",
                "write {value} and {threshold} into the summary",
                "warning",
            )
    book = rule.runbook
    if not (book.meaning.strip() and book.check and book.fix and book.escalate.strip()):
        yield Finding(
            "no-runbook",
            rule.id,
            "the runbook lacks meaning, checks, fixes or whom to call",
            "write all four parts",
        )
    if not rule.requirements:
        yield Finding(
            "no-requirements", rule.id, "covers no requirement", "name the rows", "warning"
        )


LONGEST_ANNOTATION = 2_000
"""Receivers bound what they read; ours cut at 8,192, which leaves room for labels filled in."""


def _annotations(rule: AlertRule, profile: EvaluationProfile) -> Iterator[Finding]:
    for name, text in annotations(rule, profile).items():
        if len(text) > LONGEST_ANNOTATION:
            yield Finding(
                "long-annotation",
                rule.id,
                f"the annotation {name} has {len(text)} characters",
                f"keep it below {LONGEST_ANNOTATION}; for a long query give the rule a `graph`",
            )


def _threshold(rule: AlertRule) -> Iterator[Finding]:
    limit = rule.threshold
    upwards = rule.operator in {">", ">="}
    bounded = rule.unit in {Unit.RATIO, Unit.BOOLEAN}
    if bounded and (limit > 1 or (upwards and rule.operator == ">" and limit == 1)):
        percent = " (a share of 80 % is written 0.8)" if 1 < limit <= 100 else ""
        yield Finding(
            "impossible-threshold",
            rule.id,
            f"a {rule.unit} can never be above {limit:g}{percent}",
            "give the limit as a share between 0 and 1",
        )
    negative_allowed = rule.unit in {Unit.BYTES, Unit.SECONDS}
    if (limit < 0 or (rule.operator == "<" and limit == 0)) and not negative_allowed:
        yield Finding(
            "impossible-threshold",
            rule.id,
            f"a value in {rule.unit} is never below {limit:g}",
            "give a limit that the value can reach",
        )


def _hold(rule: AlertRule, profile: EvaluationProfile) -> Iterator[Finding]:
    step = profile.scrape_ms(rule.scrape_class) / 1000
    if 0 < rule.for_seconds < step:
        yield Finding(
            "short-hold",
            rule.id,
            f"holds for {rule.for_seconds:g} s, but is evaluated only every {step:g} s",
            "lengthen the hold, use a faster scrape_class, or hold for 0",
        )
    if rule.routed and rule.keep_firing_seconds <= 0:
        yield Finding(
            "no-keep",
            rule.id,
            "a single lost scrape would count as resolved",
            "set keep_firing_seconds to a minute or more",
        )


def _result(rule: AlertRule, profile: EvaluationProfile, known: Vocabulary) -> Iterator[Finding]:
    try:
        tree = promql.parse(rule.value(profile))
    except ValueError:
        return  # Reported by `_expression` already.
    found = unit(tree, known)
    if found is not None and not units_agree(found, rule.unit, rule.threshold):
        yield Finding(
            "unit",
            rule.id,
            f"the value is in {found}, the rule says {rule.unit}",
            "declare the value's own unit, or convert the value",
        )
    carried = labels(tree, known)
    for label in re.findall(r"\$labels\.(\w+)", rule.summary):
        if carried is not None and label not in carried:
            yield Finding(
                "summary-label",
                rule.id,
                f"the summary shows the label {label}, which the result does not carry",
                f"use one of: {', '.join(sorted(carried)) or 'none'}, or aggregate by {label}",
            )
