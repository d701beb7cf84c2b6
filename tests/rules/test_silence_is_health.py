"""Whatever we measure of our own troubles is read by a rule: where none fires, none is there."""

import re

from dexwatch.metrics import METRICS
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS

OURS = ("dexwatch_", "bsc_", "dex_", "contract_")
TROUBLE = re.compile(
    r"fail|refus|malformed|dropped|quarantin|unpriced|overdue|gaps|lag|durable|verified|success"
    r"|_up$|diverge"
)
TOLD_OTHERWISE = {
    "contract_failures_total": "ContractCallsFailing reads the calls; this tells their reasons",
    "dexwatch_collector_failures_total": "CollectorFailing reads whether the last run succeeded",
    "dex_tokens_unpriced": "SwapsWithoutPrice reads the swaps that it costs; the board names pools",
}
"""Metrics that no rule reads, each with the reason."""


def read_by_rules() -> set[str]:
    expressions = [rule.expr(PRODUCTION) for rule in ALERTS]
    expressions += [rule.value(PRODUCTION) for rule in RECORDING_RULES]
    return set(re.findall(r"\w+", " ".join(expressions)))


def test_every_metric_of_a_trouble_of_ours_is_read_by_a_rule():
    troubles = {m.name for m in METRICS if m.name.startswith(OURS) and TROUBLE.search(m.name)}
    assert troubles - read_by_rules() == set(TOLD_OTHERWISE)
