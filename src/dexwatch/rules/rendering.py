"""From definitions to the rule file that Prometheus loads."""

import dataclasses
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile, duration
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.metrics.units import threshold_words
from dexwatch.metrics.value_template import value_template
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.rule import AlertRule, RecordingRule, number

WINDOW_IN_TEXT = re.compile(r"\{(\d+)([mhd])\}")
"""`{5m}` in a text: the window that five minutes of production become at the profile."""


UNKNOWN_RULE_REMEDY = "Correct or remove the rule's id."


class UnknownRuleError(ValueError):
    """The configuration names a rule that does not exist."""


def render_rules(
    profile: EvaluationProfile,
    *,
    alerts: Sequence[AlertRule],
    recordings: Sequence[RecordingRule],
    config: RulesConfig | None = None,
) -> str:
    """Return the YAML of all rules, grouped so that no slow group holds up another's.

    Recording rules come first, a group for each scrape class; alert rules are grouped by component
    and scrape class. Prometheus evaluates groups side by side and the rules of one in sequence.

    Raises:
        UnknownRuleError: `config` disables or changes a rule that is not there.
    """
    chosen = configured(alerts, config or RulesConfig())
    groups = [*_recording_groups(profile, recordings), *_alert_groups(profile, chosen)]
    return _yaml({"groups": groups})


def _recording_groups(
    profile: EvaluationProfile, recordings: Sequence[RecordingRule]
) -> Iterator[dict[str, Any]]:
    for scrape_class in ScrapeClass:
        rules = [_recording(r, profile) for r in recordings if r.scrape_class is scrape_class]
        if rules:
            yield {
                "name": f"dexwatch-recording-{scrape_class}",
                "interval": duration(profile.record_ms(scrape_class)),
                "rules": rules,
            }


def _alert_groups(
    profile: EvaluationProfile, alerts: Sequence[AlertRule]
) -> Iterator[dict[str, Any]]:
    for component in Component:
        for scrape_class in ScrapeClass:
            rules = [
                _alert(rule, profile)
                for rule in alerts
                if rule.component is component and rule.scrape_class is scrape_class
            ]
            if rules:
                yield {
                    "name": f"dexwatch-{component}-{scrape_class}",
                    "interval": duration(profile.evaluate_ms(scrape_class)),
                    "rules": rules,
                }


def configured(alerts: Iterable[AlertRule], config: RulesConfig) -> tuple[AlertRule, ...]:
    """Return the rules with the operator's thresholds and without the disabled ones.

    Raises:
        UnknownRuleError: `config` disables or changes a rule that is not there.
    """
    alerts = tuple(alerts)
    unknown = tuple(_unknown({rule.id for rule in alerts}, config))
    if unknown:
        raise UnknownRuleError("; ".join(unknown))
    return tuple(
        dataclasses.replace(rule, threshold=config.thresholds.get(rule.id, rule.threshold))
        for rule in alerts
        if rule.id not in config.disable
    )


def _unknown(known: Set[str], config: RulesConfig) -> Iterator[str]:
    for key, named in (("disable", config.disable), ("thresholds", config.thresholds)):
        for rule_id in named:
            if rule_id not in known:
                near = ", ".join(difflib.get_close_matches(rule_id, sorted(known)))
                nearest = f" (near: {near})" if near else ""
                yield f"rules.{key}: there is no rule {rule_id[:64]!r}{nearest}"


def told(rule: AlertRule, profile: EvaluationProfile) -> AlertRule:
    """Return the rule whose texts name the windows that its expression has at the profile."""

    def window(found: re.Match[str]) -> str:
        seconds = profile.window_seconds(seconds_of(found), rule.scrape_class)
        return threshold_words(seconds, Unit.SECONDS)

    return dataclasses.replace(
        rule,
        summary=WINDOW_IN_TEXT.sub(window, rule.summary),
        description=WINDOW_IN_TEXT.sub(window, rule.description),
    )


def seconds_of(found: re.Match[str]) -> int:
    """Return the production seconds of a window that `WINDOW_IN_TEXT` found."""
    return int(found[1]) * {"m": 60, "h": 3_600, "d": 86_400}[found[2]]


def summary(rule: AlertRule) -> str:
    """Return the summary as Prometheus template, with the threshold written out."""
    return rule.summary.replace("{value}", value_template(rule.unit)).replace(
        "{threshold}", threshold_words(rule.threshold, rule.unit)
    )


def alert_labels(rule: AlertRule) -> dict[str, str]:
    """Return the labels that the rule adds to its alerts."""
    labels = {
        "severity": rule.severity.value if rule.routed else "none",
        "component": rule.component.value,
        "team": rule.team,
        "alert_group": rule.alert_group,
        "group_priority": str(rule.group_priority),
    }
    return labels | ({"inhibits": rule.inhibits} if rule.inhibits else {})


def annotations(rule: AlertRule, profile: EvaluationProfile) -> dict[str, str]:
    """Return what the rule tells people and our own receivers; all of it stays short."""
    rule = told(rule, profile)
    return {
        "summary": summary(rule),
        "description": rule.description,
        "runbook_url": f"/runbooks/{rule.id}",
        "query": rule.query(profile),
        "unit": rule.unit.value,
        "threshold": number(rule.threshold),
        "operator": rule.operator,
        # What reads the alert subtracts it: the trouble began so long before the alert did.
        "for_seconds": number(held_ms(rule.for_seconds, rule, profile) / 1000),
    }


def _alert(rule: AlertRule, profile: EvaluationProfile) -> dict[str, Any]:
    rendered: dict[str, Any] = {"alert": rule.id, "expr": _text(rule.expr(profile))}
    for key, seconds in (("for", rule.for_seconds), ("keep_firing_for", rule.keep_firing_seconds)):
        held = held_ms(seconds, rule, profile)
        if held:
            rendered[key] = duration(held)
    rendered["labels"] = alert_labels(rule)
    texts = annotations(rule, profile)
    rendered["annotations"] = {name: _text(text) for name, text in texts.items()}
    return rendered


def held_ms(seconds: float, rule: AlertRule, profile: EvaluationProfile) -> int:
    """Return a rule's `for` or `keep_firing_for` at the profile, in milliseconds."""
    held = profile.hold_ms(seconds)
    # A hold shorter than one scrape would promise a precision that is not there.
    return max(held, profile.scrape_ms(rule.scrape_class)) if held else 0


def _recording(rule: RecordingRule, profile: EvaluationProfile) -> dict[str, Any]:
    return {"record": rule.name, "expr": _text(rule.value(profile))}


def _text(expression: str) -> str:
    return LiteralScalarString(expression) if "\n" in expression else expression


def _yaml(document: object) -> str:
    yaml = YAML()
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
