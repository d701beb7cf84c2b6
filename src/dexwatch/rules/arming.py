"""Whether each rule can fire at all: silence means health only where it could speak.

A rule is *armed* while the series behind it are there, *blind* when they were and are gone, and
*never armed* when they have not been seen at all: a part is not installed, or a name is wrong.

    asked = signals(ALERTS)
    now = await presence(presence_query(asked, 900))      # the answers' `signal` labels
    before = await presence(presence_query(asked, 86_400))
    state = arming(rule, present=now, known=before)
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import promql_parser as promql

from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.expression import selectors
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.rule import AlertRule

PRESENT_SECONDS = 900
"""Longer than any scrape interval, so that a lost scrape blinds nothing."""
STATES = {metric.name for metric in METRICS if metric.unit is Unit.BOOLEAN}
_RECORDED: Mapping[str, promql.Expr] = {
    rule.name: promql.parse(rule.value(PRODUCTION)) for rule in RECORDING_RULES
}
_ALWAYS = {"vector", "time", "absent", "absent_over_time"}


class Arming(StrEnum):
    """Can the rule fire?"""

    ARMED = "armed"
    BLIND = "blind"
    NEVER_ARMED = "never armed"


def signal(selector: promql.VectorSelector) -> str:
    """Return what must be there for a selector to match.

    States keep their matchers, for one probe is not another. The others lose them: a series of
    failures is there only once something has failed.
    """
    name = selector.name or ""
    return str(selector.prettify()) if name in STATES else name


def signals(rules: Iterable[AlertRule]) -> tuple[str, ...]:
    """Return the selectors behind the rules, each once, recorded ones followed to their source."""
    found: dict[str, None] = {}
    pending = [promql.parse(rule.expr(PRODUCTION)) for rule in rules]
    while pending:
        for selector in selectors(pending.pop()):
            recorded = _RECORDED.get(selector.name or "")
            if recorded is None:
                found.setdefault(signal(selector))
            else:
                pending.append(recorded)
    return tuple(sorted(found))


def presence_query(asked: Iterable[str], seconds: int) -> str:
    """Return one query whose series carry, as label `signal`, what was there within `seconds`."""
    return "\nor ".join(
        f"label_replace(group(present_over_time({each}[{seconds}s])), 'signal', '{each}', '', '')"
        for each in asked
    )


def arming(rule: AlertRule, *, present: frozenset[str], known: frozenset[str]) -> Arming:
    """Return whether the rule can fire, given the signals that are there and those that were."""
    tree = promql.parse(rule.expr(PRODUCTION))
    if _can_answer(tree, present):
        return Arming.ARMED
    return Arming.BLIND if _can_answer(tree, known | present) else Arming.NEVER_ARMED


def _can_answer(tree: promql.Expr, there: frozenset[str]) -> bool:
    """Could the expression have a result, if each signal that is there had the right value?"""
    if isinstance(tree, promql.VectorSelector):
        recorded = _RECORDED.get(tree.name or "")
        return signal(tree) in there if recorded is None else _can_answer(recorded, there)
    if isinstance(tree, promql.MatrixSelector):
        return _can_answer(tree.vector_selector, there)
    if isinstance(tree, promql.BinaryExpr):
        left, right = (_can_answer(side, there) for side in (tree.lhs, tree.rhs))
        match str(tree.op):
            case "or":
                return left or right
            case "unless":
                return left
            case _:
                return left and right
    if isinstance(tree, promql.Call):
        return tree.func.name in _ALWAYS or all(_can_answer(each, there) for each in tree.args)
    inner = getattr(tree, "expr", None)
    return True if inner is None else _can_answer(inner, there)
