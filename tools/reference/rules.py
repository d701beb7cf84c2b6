"""rules.md: every alert with its limit, its reasons and its runbook, and the recorded series."""

from collections.abc import Iterator

from dexwatch.rules.pace import PRODUCTION
from dexwatch.rules.recordings import RECORDINGS
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rule import AlertRule, RecordingRule, number
from tools.reference.markdown import block, code, document, table

INTRODUCTION = """
Every alert that dexwatch can raise: the value, the limit, how long it must hold, and what the
woken person does.
Expressions are shown at the production pace.
An operator may override a limit; see the `rules` part of the [settings](settings.md).
"""


def page() -> str:
    """Return the page."""
    return document("Rules", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    ordered = sorted(ALERTS, key=lambda rule: (rule.severity, rule.id))
    yield "## All alerts"
    yield table(("Alert", "Severity", "Owner", "Fires when", "For"), map(_row, ordered))
    for severity in dict.fromkeys(rule.severity for rule in ordered):
        yield f"## {severity}"
        for rule in ordered:
            if rule.severity == severity:
                yield from _alert(rule)
    yield "## Recorded series"
    yield "Expressions that rules and panels share, computed once for each evaluation."
    names = sorted(RECORDINGS, key=lambda rule: rule.name)
    yield table(("Name", "Unit", "Meaning", "Expression"), map(_recorded, names))


def _row(rule: AlertRule) -> tuple[str, ...]:
    return (
        f"[{rule.id}](#{rule.id.lower()})",
        rule.severity,
        rule.owner,
        f"{rule.description.splitlines()[0] if rule.description else rule.subject}",
        PRODUCTION.hold(rule.for_seconds),
    )


def _alert(rule: AlertRule) -> Iterator[str]:
    yield f"### {rule.id}"
    yield rule.description
    hold, keep = PRODUCTION.hold(rule.for_seconds), PRODUCTION.hold(rule.keep_seconds)
    limit = f"{rule.compare} {number(rule.limit)} ({rule.unit})"
    yield "\n".join(
        (
            f"- Limit: {limit}, for {hold}, kept for {keep} after it ended.",
            f"- Evaluated every {PRODUCTION.evaluate_ms(rule.cadence) / 1000:g} s.",
            f"- Why so: {rule.why}",
            f"- Owner: {rule.owner}. Subject: {rule.subject}.",
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
