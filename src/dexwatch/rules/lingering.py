"""How long a condition can go on after what it judges is well again, read from its PromQL."""

from collections.abc import Mapping

import promql_parser as promql

from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.rules.rendering import held_ms
from dexwatch.rules.rule import AlertRule, RecordingRule

Recordings = Mapping[str, RecordingRule]


def ends_ms(rule: AlertRule, profile: EvaluationProfile, recordings: Recordings) -> int:
    """Return how long after the fault the rule's alert can fire, at the most.

    Raises:
        ValueError: the expression cannot be parsed.
    """
    condition = lingers_ms(promql.parse(rule.expr(profile)), profile, recordings)
    evaluated = profile.evaluate_ms(rule.scrape_class)
    return condition + evaluated + held_ms(rule.keep_firing_seconds, rule, profile)


def lingers_ms(tree: promql.Expr, profile: EvaluationProfile, recordings: Recordings) -> int:
    """Return how long samples of the fault keep the expression true: its windows, in the main."""
    if isinstance(tree, promql.VectorSelector):
        recorded = recordings.get(tree.name or "")
        if recorded is None:
            return 0
        inner = lingers_ms(promql.parse(recorded.value(profile)), profile, recordings)
        return inner + profile.record_ms(recorded.scrape_class)
    if isinstance(tree, promql.MatrixSelector):
        return _span_ms(tree) + lingers_ms(tree.vector_selector, profile, recordings)
    if isinstance(tree, promql.Call):
        # The last value of a window is the fault's only until the next sample.
        parts = [
            a.vector_selector
            if tree.func.name == "last_over_time" and isinstance(a, promql.MatrixSelector)
            else a
            for a in tree.args
        ]
        return max((lingers_ms(part, profile, recordings) for part in parts), default=0)
    if isinstance(tree, promql.BinaryExpr):
        left = lingers_ms(tree.lhs, profile, recordings)
        right = lingers_ms(tree.rhs, profile, recordings)
        # What must hold at the same time ends with the first of the two.
        return {"and": min(left, right), "unless": left}.get(str(tree.op), max(left, right))
    inner_tree = getattr(tree, "expr", None)
    inner = 0 if inner_tree is None else lingers_ms(inner_tree, profile, recordings)
    return inner + (_span_ms(tree) if isinstance(tree, promql.SubqueryExpr) else 0)


def _span_ms(tree: promql.MatrixSelector | promql.SubqueryExpr) -> int:
    return round(tree.range.total_seconds() * 1000) if tree.range else 0
