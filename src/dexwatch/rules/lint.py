"""What `dexwatch check` says about rules, beyond what promtool refuses: text in, findings out."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import promql_parser as promql

from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION, EvaluationProfile
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.expression import Vocabulary, unit, units_agree, uses
from dexwatch.rules.expression_checks import (
    LONGEST_ANNOTATION,
    LintFinding,
    check_expression,
    check_shown_labels,
)
from dexwatch.rules.lingering import ends_ms
from dexwatch.rules.rendering import (
    UNKNOWN_RULE_REMEDY,
    WINDOW_IN_TEXT,
    UnknownRuleError,
    annotations,
    configured,
    held_ms,
    seconds_of,
)
from dexwatch.rules.rule import AlertRule, RecordingRule


def lint(
    alerts: Sequence[AlertRule],
    recordings: Sequence[RecordingRule],
    profile: EvaluationProfile = PRODUCTION,
    config: RulesConfig | None = None,
) -> tuple[LintFinding, ...]:
    """Return what is wrong with the rules at this profile, with the operator's changes applied."""
    found = list(_duplicates(profile, alerts, recordings))
    try:
        alerts = configured(alerts, config or RulesConfig())
    except UnknownRuleError as error:
        found.append(LintFinding("config", "rules", str(error), UNKNOWN_RULE_REMEDY))
    known = Vocabulary(METRICS, tuple(recordings))
    for recording in recordings:
        found += check_expression(
            recording.name, recording.value(profile), recording.scrape_class, profile, known
        )
    for rule in alerts:
        found += check_expression(rule.id, rule.expr(profile), rule.scrape_class, profile, known)
        found += _card(rule)
        found += _threshold(rule)
        found += _hold(rule, profile)
        found += _result(rule, profile, known)
        found += _annotations(rule, profile)
        found += _windows(rule, recordings, profile)
    found += _inhibited_after(alerts, recordings, profile)
    return tuple(found)


def _duplicates(
    profile: EvaluationProfile, alerts: Sequence[AlertRule], recordings: Sequence[RecordingRule]
) -> Iterator[LintFinding]:
    names = Counter([*(rule.id for rule in alerts), *(rule.name for rule in recordings)])
    for name, times in names.items():
        if times > 1:
            yield LintFinding(
                "duplicate", name, f"defined {times} times", "keep one, rename the rest"
            )
    first: dict[tuple[str, float], str] = {}
    for rule in alerts:
        other = first.setdefault((rule.expr(profile), rule.for_seconds), rule.id)
        if other != rule.id:
            yield LintFinding(
                "duplicate", rule.id, f"says the same as {other}", "remove one of the two"
            )


def _card(rule: AlertRule) -> Iterator[LintFinding]:
    for field in ("alert_group", "summary", "description", "why"):
        if not getattr(rule, field).strip():
            yield LintFinding(f"no-{field}", rule.id, f"no {field}", f"write its {field}")
    if rule.routed and rule.threshold not in {0, 1} and "{threshold}" not in rule.summary:
        says_number = re.search(r"\d|within|\{value\}", rule.summary)
        if not says_number:
            yield LintFinding(
                "summary-without-threshold",
                rule.id,
                "the summary names neither value nor threshold",
                "write {value} and {threshold} into the summary",
                "warning",
            )
    book = rule.runbook
    # A description also names windows, such as {6h}; a runbook is shown as it is written.
    plain = (rule.why, book.meaning, *book.check, *book.fix, book.escalate)
    number = re.compile(r"\{(value|threshold)\}")
    any_name = re.compile(r"\{\w+\}")
    for placeholder, text in ((number, rule.description), *((any_name, one) for one in plain)):
        if found := placeholder.search(text):
            message = f"{found[0]} would be shown as it stands here"
            yield LintFinding("placeholder", rule.id, message, "say it without the number")
    if not (book.meaning.strip() and book.check and book.fix and book.escalate.strip()):
        yield LintFinding(
            "no-runbook",
            rule.id,
            "the runbook lacks meaning, checks, fixes or whom to call",
            "write all four parts",
        )
    if not rule.requirements:
        yield LintFinding(
            "no-requirements", rule.id, "covers no requirement", "name the rows", "warning"
        )


def _annotations(rule: AlertRule, profile: EvaluationProfile) -> Iterator[LintFinding]:
    for name, text in annotations(rule, profile).items():
        if len(text) > LONGEST_ANNOTATION:
            yield LintFinding(
                "long-annotation",
                rule.id,
                f"the annotation {name} has {len(text)} characters",
                f"keep it below {LONGEST_ANNOTATION}; for a long query give the rule a `graph`",
            )


def _windows(
    rule: AlertRule, recordings: Sequence[RecordingRule], profile: EvaluationProfile
) -> Iterator[LintFinding]:
    """A profile shortens windows; a text that names one must name the one in use."""
    text = f"{rule.summary}\n{rule.description}"
    if words := _WINDOW_IN_WORDS.search(text):
        message = f"says {words[0]!r}, which only the production profile makes true"
        remedy = "write {5m} for a window of five minutes"
        yield LintFinding("window-in-words", rule.id, message, remedy)
    ranges = set(_ranges_ms(rule.expr(profile), recordings, profile))
    for found in WINDOW_IN_TEXT.finditer(text):
        if profile.window_ms(seconds_of(found), rule.scrape_class) not in ranges:
            message = f"the text names a window of {found[0]}, the expression has none"
            remedy = "name the window that the expression looks at"
            yield LintFinding("window-in-text", rule.id, message, remedy)


_WINDOW_IN_WORDS = re.compile(
    r"(?:one|two|three|five|six|ten|fifteen|thirty|half an?|quarter of an) (?:minute|hour|day)s?"
    r"|(?:last|this|of the) (?:minute|hour|day)|within (?:minute|hour)s"
)


def _ranges_ms(
    text: str, recordings: Sequence[RecordingRule], profile: EvaluationProfile
) -> Iterator[int]:
    try:
        tree = promql.parse(text)
    except ValueError:
        return  # Reported by `check_expression` already.
    for use in uses(tree):
        if use.range_ms is not None:
            yield use.range_ms
        for recorded in recordings:
            if recorded.name == use.name:
                yield from _ranges_ms(recorded.value(profile), recordings, profile)


def _threshold(rule: AlertRule) -> Iterator[LintFinding]:
    threshold = rule.threshold
    upwards = rule.operator in {">", ">="}
    bounded = rule.unit in {Unit.RATIO, Unit.BOOLEAN}
    if bounded and (threshold > 1 or (upwards and rule.operator == ">" and threshold == 1)):
        percent = " (a share of 80% is written 0.8)" if 1 < threshold <= 100 else ""
        yield LintFinding(
            "impossible-threshold",
            rule.id,
            f"a {rule.unit} can never be above {threshold:g}{percent}",
            "give the threshold as a share between 0 and 1",
        )
    negative_allowed = rule.unit in {Unit.BYTES, Unit.SECONDS}
    if (threshold < 0 or (rule.operator == "<" and threshold == 0)) and not negative_allowed:
        yield LintFinding(
            "impossible-threshold",
            rule.id,
            f"a value in {rule.unit} is never below {threshold:g}",
            "give a threshold that the value can reach",
        )


def _hold(rule: AlertRule, profile: EvaluationProfile) -> Iterator[LintFinding]:
    step = profile.scrape_ms(rule.scrape_class) / 1000
    if 0 < rule.for_seconds < step:
        yield LintFinding(
            "short-hold",
            rule.id,
            f"holds for {rule.for_seconds:g} s, but is evaluated only every {step:g} s",
            "lengthen the hold, use a faster scrape_class, or hold for 0",
        )
    if rule.routed and rule.keep_firing_seconds <= 0:
        yield LintFinding(
            "no-keep",
            rule.id,
            "a single lost scrape would count as resolved",
            "set keep_firing_seconds to a minute or more",
        )


def _inhibited_after(
    alerts: Sequence[AlertRule], recordings: Sequence[RecordingRule], profile: EvaluationProfile
) -> Iterator[LintFinding]:
    """What is heard only once its cause was mended wakes people for nothing."""
    by_name = {each.name: each for each in recordings}
    for rule in alerts:
        for other in alerts:
            if rule.inhibits and other.alert_group == rule.inhibits:
                try:
                    needed = ends_ms(other, profile, by_name)
                except ValueError:
                    continue  # Reported by `check_expression` already.
                kept = held_ms(rule.keep_firing_seconds, rule, profile)
                if kept < needed:
                    yield LintFinding(
                        "inhibits-too-short",
                        rule.id,
                        f"ends {kept} ms after its fault, but {other.id}, which it inhibits, can"
                        f" fire for {needed} ms after it",
                        f"raise its keep_firing_seconds, or let {other.id} end sooner",
                    )


def _result(
    rule: AlertRule, profile: EvaluationProfile, known: Vocabulary
) -> Iterator[LintFinding]:
    try:
        tree = promql.parse(rule.value(profile))
    except ValueError:
        return  # Reported by `check_expression` already.
    found = unit(tree, known)
    if found is not None and not units_agree(found, rule.unit, rule.threshold):
        yield LintFinding(
            "unit",
            rule.id,
            f"the value is in {found}, the rule says {rule.unit}",
            "declare the value's own unit, or convert the value",
        )
    yield from check_shown_labels(rule.id, rule.summary, tree, known)
