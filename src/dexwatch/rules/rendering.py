"""From definitions to the rule file that Prometheus loads."""

import dataclasses
import io
from collections.abc import Iterable, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from dexwatch.metrics.metric import Unit
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.pace import Cadence, Pace, duration
from dexwatch.rules.rule import AlertRule, RecordingRule, number


class UnknownRuleError(ValueError):
    """The configuration names a rule that does not exist."""


def render_rules(
    pace: Pace,
    *,
    alerts: Sequence[AlertRule],
    recordings: Sequence[RecordingRule],
    config: RulesConfig | None = None,
) -> str:
    """Return the YAML of all rules: one group a cadence, recording rules first in each.

    Raises:
        UnknownRuleError: `config` disables or changes a rule that is not there.
    """
    chosen = configured(alerts, config or RulesConfig())
    groups = []
    for cadence in Cadence:
        rules = [_recording(rule, pace) for rule in recordings if rule.cadence is cadence]
        rules += [_alert(rule, pace) for rule in chosen if rule.cadence is cadence]
        if rules:
            interval = duration(pace.evaluate_ms(cadence))
            groups.append({"name": f"dexwatch-{cadence}", "interval": interval, "rules": rules})
    return _yaml({"groups": groups})


def configured(alerts: Iterable[AlertRule], config: RulesConfig) -> tuple[AlertRule, ...]:
    """Return the rules with the operator's limits and without the disabled ones.

    Raises:
        UnknownRuleError: `config` disables or changes a rule that is not there.
    """
    alerts = tuple(alerts)
    known = {rule.id for rule in alerts}
    for key, named in (("disable", config.disable), ("limits", config.limits)):
        for rule_id in named:
            if rule_id not in known:
                near = ", ".join(sorted(k for k in known if k[:4] == rule_id[:4])) or "see docs"
                raise UnknownRuleError(f"rules.{key}: there is no rule {rule_id!r} (near: {near})")
    return tuple(
        _with_limit(rule, config.limits.get(rule.id))
        for rule in alerts
        if rule.id not in config.disable
    )


def _with_limit(rule: AlertRule, limit: float | None) -> AlertRule:
    # What an operator sets holds at every pace.
    return rule if limit is None else dataclasses.replace(rule, limit=limit, shrunk_limit=None)


def limit_words(limit: float, unit: Unit) -> str:
    """Write a limit for people: 0.85 of a ratio is "85 %", 0.5 seconds are "500 ms".

    >>> limit_words(0.85, Unit.RATIO), limit_words(0.5, Unit.SECONDS), limit_words(3e9, Unit.WEI)
    ('85 %', '500 ms', '3 gwei')
    """
    match unit:
        case Unit.RATIO:
            return f"{limit * 100:g} %"
        case Unit.SECONDS if 0 < abs(limit) < 1:
            return f"{limit * 1000:g} ms"
        case Unit.SECONDS if limit >= 86_400 and limit % 86_400 == 0:
            return f"{limit / 86_400:g} days"
        case Unit.SECONDS:
            return f"{limit:g} s"
        case Unit.WEI:
            return f"{limit / 1e9:g} gwei"
        case Unit.COUNT | Unit.BOOLEAN | Unit.TIMESTAMP:
            return f"{limit:g}"
        case _:
            return f"{limit:,g} {_WORDS[unit]}"


def value_template(unit: Unit) -> str:
    """Return the Prometheus template that writes the alert's value in the unit."""
    match unit:
        case Unit.RATIO:
            return "{{ $value | humanizePercentage }}"
        case Unit.SECONDS:
            return "{{ $value | humanizeDuration }}"
        case Unit.BYTES | Unit.BYTES_PER_SECOND:
            return "{{ $value | humanize1024 }}" + ("B/s" if unit is not Unit.BYTES else "B")
        case Unit.WEI:
            return "{{ $value | humanize }}wei"
        case Unit.COUNT | Unit.BOOLEAN | Unit.TIMESTAMP:
            return "{{ $value | humanize }}"
        case _:
            return "{{ $value | humanize }} " + _WORDS[unit]


_WORDS = {
    Unit.BYTES: "bytes",
    Unit.USD: "USD",
    Unit.GAS: "gas",
    Unit.BLOCKS: "blocks",
    Unit.PER_SECOND: "per second",
    Unit.PER_MINUTE: "per minute",
    Unit.BYTES_PER_SECOND: "bytes per second",
    Unit.TOKENS: "tokens",
}


def summary(rule: AlertRule, pace: Pace) -> str:
    """Return the summary as Prometheus template, with the limit written out."""
    return rule.summary.replace("{value}", value_template(rule.unit)).replace(
        "{limit}", limit_words(rule.limit_at(pace), rule.unit)
    )


def _alert(rule: AlertRule, pace: Pace) -> dict[str, Any]:
    rendered: dict[str, Any] = {"alert": rule.id, "expr": _text(rule.expr(pace))}
    for key, seconds in (("for", rule.for_seconds), ("keep_firing_for", rule.keep_seconds)):
        held = _held_ms(seconds, rule, pace)
        if held:
            rendered[key] = duration(held)
    rendered["labels"] = {
        "severity": rule.severity.value if rule.routed else "none",
        "owner": rule.owner,
        "subject": rule.subject,
        "rung": str(rule.rung),
    }
    if rule.explains:
        rendered["labels"]["explains"] = rule.explains
    rendered["annotations"] = {
        "summary": summary(rule, pace),
        "description": rule.description,
        "runbook": f"/runbooks/{rule.id}",
        "query": _text(rule.query(pace)),
        "unit": rule.unit.value,
        "limit": number(rule.limit_at(pace)),
        # What reads the alert subtracts it: the trouble began so long before the alert did.
        "hold": number(_held_ms(rule.for_seconds, rule, pace) / 1000),
    }
    return rendered


def _held_ms(seconds: float, rule: AlertRule, pace: Pace) -> int:
    held = pace.hold_ms(seconds)
    # A hold shorter than one evaluation would promise a precision that is not there.
    return max(held, pace.scrape_ms(rule.cadence)) if held else 0


def _recording(rule: RecordingRule, pace: Pace) -> dict[str, Any]:
    return {"record": rule.name, "expr": _text(rule.value(pace))}


def _text(expression: str) -> str:
    return LiteralScalarString(expression) if "\n" in expression else expression


def _yaml(document: object) -> str:
    yaml = YAML()
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
