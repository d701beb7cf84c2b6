"""Alert and recording rules: the catalogue, and its rendering as Prometheus rule file."""

from dexwatch.rules.config import RulesConfig
from dexwatch.rules.pace import PACES, PRODUCTION, SAMPLE, Cadence, Pace
from dexwatch.rules.rendering import render_rules
from dexwatch.rules.rule import AlertRule, RecordingRule, Runbook

__all__ = [
    "ALERTS",
    "PACES",
    "PRODUCTION",
    "RECORDINGS",
    "SAMPLE",
    "AlertRule",
    "Cadence",
    "Pace",
    "RecordingRule",
    "RulesConfig",
    "Runbook",
    "render",
]

ALERTS: tuple[AlertRule, ...] = ()
RECORDINGS: tuple[RecordingRule, ...] = ()


def render(pace: Pace, config: RulesConfig | None = None) -> str:
    """Return the rule file for Prometheus at this pace, with the operator's changes applied.

    Raises:
        UnknownRuleError: the configuration names a rule that does not exist.
    """
    return render_rules(pace, alerts=ALERTS, recordings=RECORDINGS, config=config)
