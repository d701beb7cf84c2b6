"""rules.md: every alert with its limit, its reasons and its runbook, and the recorded series."""

from collections.abc import Iterator

from dexwatch.metrics.profile import PRODUCTION, duration
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rendering import told
from dexwatch.rules.rule import AlertRule, RecordingRule, number
from tools.reference.markdown import block, code, document, table

INTRODUCTION = """
Every alert that dexwatch can raise: the value, the limit, how long it must hold, and what the
woken person does.
Expressions are shown at the production profile.
An operator may override a limit; see the `rules` part of the [settings](settings.md).
"""


def page() -> str:
    """Return the page."""
    return document("Rules", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    ordered = sorted(
        (told(rule, PRODUCTION) for rule in ALERTS), key=lambda rule: (rule.severity, rule.id)
    )
    yield "## All alerts"
    yield table(("Alert", "Severity", "Owner", "Fires when", "For"), map(_row, ordered))
    for severity in dict.fromkeys(rule.severity for rule in ordered):
        yield f"## {severity}"
        for rule in ordered:
            if rule.severity == severity:
                yield from _alert(rule)
    yield "## Recorded series"
    yield "Expressions that rules and panels share, computed once for each evaluation."
    names = sorted(RECORDING_RULES, key=lambda rule: rule.name)
    yield table(("Name", "Unit", "Meaning", "Expression"), map(_recorded, names))


def _row(rule: AlertRule) -> tuple[str, ...]:
    return (
        f"[{rule.id}](#{rule.id.lower()})",
        rule.severity,
        rule.team,
        f"{rule.description.splitlines()[0] if rule.description else rule.alert_group}",
        duration(PRODUCTION.hold_ms(rule.for_seconds)),
    )


def _alert(rule: AlertRule) -> Iterator[str]:
    yield f"### {rule.id}"
    yield rule.description
    held, kept = (
        duration(PRODUCTION.hold_ms(each)) for each in (rule.for_seconds, rule.keep_firing_seconds)
    )
    threshold = f"{rule.operator} {number(rule.threshold)} ({rule.unit})"
    yield "\n".join(
        (
            f"- Threshold: {threshold}, for {held}, kept firing for {kept} after it ended.",
            f"- Evaluated every {PRODUCTION.evaluate_ms(rule.scrape_class) / 1000:g} s.",
            f"- Why so: {rule.why}",
            f"- Component: {rule.component}. Team: {rule.team}. Alert group: {rule.alert_group}.",
        )
    )
    yield block(rule.expr(PRODUCTION), "promql")
    runbook = rule.runbook
    yield f"What it means: {runbook.meaning}"
    yield "Check:\n\n" + "\n".join(f"1. {step}" for step in runbook.check)
    yield "Put it right:\n\n" + "\n".join(f"1. {step}" for step in runbook.fix)
    yield f"Escalate: {runbook.escalate}"


def _recorded(rule: RecordingRule) -> tuple[str, ...]:
    return (code(rule.name), rule.unit, rule.help, code(" ".join(rule.value(PRODUCTION).split())))
