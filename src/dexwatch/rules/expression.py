"""What an expression is made of: its series, their ranges, and the unit and labels of its result.

Everything is read from the syntax tree; nothing is evaluated.
Where the tree does not tell (a foreign metric, a product of units) the answer is None, no guess.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import promql_parser as promql

from dexwatch.metrics.metric import TARGET_LABELS, Kind, Metric, Unit
from dexwatch.rules.rule import RecordingRule

OF_COUNTERS = {"rate", "increase", "irate", "resets"}
PRESENCE = {"present_over_time", "absent_over_time", "absent"}
"""Whether a series is there can be asked of counters too."""
COUNTING = "count"
"""Functions that count series, whatever their values."""
OF_GAUGES = {"delta", "deriv", "predict_linear", "idelta"}
CHOOSING = {"topk", "bottomk"}
"""Aggregations that give some of their series as they are, and no new ones."""
COMPARISONS = {">", ">=", "<", "<=", "==", "!="}
KEEPING = {"and", "or", "unless"} | COMPARISONS
RATES = {Unit.COUNT: Unit.PER_SECOND, Unit.BYTES: Unit.BYTES_PER_SECOND, Unit.SECONDS: Unit.RATIO}


@dataclass(frozen=True)
class Use:
    """One selector of an expression, and what is done to it."""

    selector: promql.VectorSelector
    function: str | None
    """The function right around it, if any."""
    range_ms: int | None
    """The length of its range, for `x[5m]`."""

    @property
    def name(self) -> str:
        """The metric's name; empty where the selector has none."""
        return self.selector.name or ""

    @property
    def labels(self) -> frozenset[str]:
        """Names of the labels that it matches on."""
        return frozenset(matcher.name for matcher in self.selector.matchers.matchers)


class Vocabulary:
    """What is known about the names that expressions may use."""

    def __init__(self, metrics: tuple[Metric, ...], recordings: tuple[RecordingRule, ...]) -> None:
        self._kinds: dict[str, Kind] = {}
        self._units: dict[str, Unit] = {}
        self._labels: dict[str, frozenset[str]] = {}
        for metric in metrics:
            names = {metric.name: metric.unit}
            if metric.kind is Kind.HISTOGRAM:
                names = {
                    f"{metric.name}_bucket": metric.unit,
                    f"{metric.name}_sum": metric.unit,
                    f"{metric.name}_count": Unit.COUNT,
                }
            for name, unit in names.items():
                self._kinds[name] = Kind.COUNTER if metric.kind is Kind.HISTOGRAM else metric.kind
                self._units[name] = unit
                self._labels[name] = frozenset(metric.labels) | TARGET_LABELS
        for recording in recordings:
            self._kinds[recording.name] = Kind.GAUGE
            self._units[recording.name] = recording.unit
            self._labels[recording.name] = frozenset(recording.labels)

    def knows(self, name: str) -> bool:
        """Is this a declared metric or recording rule?"""
        return name in self._kinds

    def kind(self, name: str) -> Kind | None:
        """Return counter or gauge; None for an unknown metric."""
        return self._kinds.get(name)

    def unit_of(self, name: str) -> Unit | None:
        """Return the unit of the series' values."""
        return self._units.get(name)

    def labels_of(self, name: str) -> frozenset[str] | None:
        """Return the labels that the series can carry."""
        return self._labels.get(name)


def uses(tree: promql.Expr, function: str | None = None) -> Iterator[Use]:
    """Yield every selector of the tree."""
    if isinstance(tree, promql.VectorSelector):
        yield Use(tree, function, None)
    elif isinstance(tree, promql.MatrixSelector):
        span = round(tree.range.total_seconds() * 1000)
        yield Use(tree.vector_selector, function, span)
    elif isinstance(tree, promql.Call):
        for argument in tree.args:
            yield from uses(argument, tree.func.name)
    else:
        counts = isinstance(tree, promql.AggregateExpr) and str(tree.op) == COUNTING
        for part in _parts(tree):
            yield from uses(part, COUNTING if counts else None)


def selectors(tree: promql.Expr) -> Iterator[promql.VectorSelector]:
    """Return every selector of the tree, those of ranges too."""
    return (use.selector for use in uses(tree))


def unit(tree: promql.Expr, known: Vocabulary) -> Unit | None:
    """Return the unit of the result; None where it cannot be told."""
    if isinstance(tree, promql.VectorSelector):
        return known.unit_of(tree.name or "")
    if isinstance(tree, promql.MatrixSelector):
        return known.unit_of(tree.vector_selector.name or "")
    if isinstance(tree, promql.Call):
        return _unit_of_call(tree, known)
    if isinstance(tree, promql.AggregateExpr):
        of_operator = {"count": Unit.COUNT, "group": Unit.BOOLEAN}
        return of_operator.get(str(tree.op)) or unit(tree.expr, known)
    if isinstance(tree, promql.BinaryExpr):
        return _unit_of_pair(tree, known)
    inner = getattr(tree, "expr", None)
    return None if inner is None else unit(inner, known)


def _unit_of_call(call: promql.Call, known: Vocabulary) -> Unit | None:
    name = call.func.name
    if name in {"time", "timestamp"}:
        return Unit.TIMESTAMP
    if name in {"count_over_time", "changes", "resets"}:
        return Unit.COUNT
    vectors = [a for a in call.args if not isinstance(a, promql.NumberLiteral)]
    if not vectors:
        return None
    inner = unit(vectors[0], known)
    if name in {"rate", "irate", "deriv"}:
        return RATES.get(inner) if inner is not None else None
    if name == "histogram_quantile":
        buckets = [use.name for use in uses(vectors[-1])]
        return known.unit_of(buckets[0]) if buckets else None
    if name == "avg_over_time" and inner is Unit.BOOLEAN:
        return Unit.RATIO
    return inner


def _unit_of_pair(pair: promql.BinaryExpr, known: Vocabulary) -> Unit | None:
    operator = str(pair.op)
    left, right = unit(pair.lhs, known), unit(pair.rhs, known)
    if operator in KEEPING:
        return left if left is not None else right
    if operator == "/" and left is not None and left is right:
        return Unit.RATIO
    if operator in {"+", "-"}:
        if operator == "-" and left is right is Unit.TIMESTAMP:
            return Unit.SECONDS
        if isinstance(pair.lhs, promql.NumberLiteral):
            return right
        return left if isinstance(pair.rhs, promql.NumberLiteral) or left is right else None
    is_minute = isinstance(pair.rhs, promql.NumberLiteral) and pair.rhs.val == 60
    if operator == "*" and left is Unit.PER_SECOND and is_minute:
        return Unit.PER_MINUTE
    return None


def labels(tree: promql.Expr, known: Vocabulary) -> frozenset[str] | None:
    """Return the labels that the result can carry; None where it cannot be told."""
    if isinstance(tree, promql.VectorSelector):
        return known.labels_of(tree.name or "")
    if isinstance(tree, promql.MatrixSelector):
        return known.labels_of(tree.vector_selector.name or "")
    if isinstance(tree, promql.AggregateExpr):
        return _labels_of_aggregate(tree, known)
    if isinstance(tree, promql.BinaryExpr):
        return _labels_of_pair(tree, known)
    if isinstance(tree, promql.Call):
        return _labels_of_call(tree, known)
    inner = getattr(tree, "expr", None)
    return frozenset() if inner is None else labels(inner, known)


def _labels_of_pair(pair: promql.BinaryExpr, known: Vocabulary) -> frozenset[str] | None:
    operator, modifier = str(pair.op), pair.modifier
    left, right = labels(pair.lhs, known), labels(pair.rhs, known)
    if operator == "or":
        return None if left is None or right is None else left | right
    if operator in {"and", "unless"} or modifier is None:
        # A number on the left carries none, and the result has those of the other side.
        return right if left == frozenset() and operator not in {"and", "unless"} else left
    many = right if modifier.card == promql.VectorMatchCardinality.OneToMany else left
    return None if many is None else many | frozenset(modifier.group_labels or ())


def _labels_of_call(call: promql.Call, known: Vocabulary) -> frozenset[str] | None:
    name = call.func.name
    if name in {"time", "vector", "scalar"}:
        return frozenset()
    if name in {"label_replace", "label_join"}:
        inner = labels(call.args[0], known)
        return None if inner is None else inner | {call.args[1].val}
    carried: frozenset[str] = frozenset()
    for argument in call.args:
        found = labels(argument, known)
        if found is None:
            return None
        carried |= found
    return carried - {"le"} if name == "histogram_quantile" else carried


def _labels_of_aggregate(tree: promql.AggregateExpr, known: Vocabulary) -> frozenset[str] | None:
    inner, modifier = labels(tree.expr, known), tree.modifier
    if str(tree.op) in CHOOSING:
        return inner
    # Of all aggregations only `count_values` takes a text: the label that it makes.
    made = frozenset[str]()
    if isinstance(tree.param, promql.StringLiteral):
        made = frozenset({tree.param.val})
    if modifier is None:
        return made
    named = frozenset(modifier.labels)
    if modifier.type == promql.AggModifierType.By:
        return named | made
    return None if inner is None else inner - named | made


def _parts(tree: promql.Expr) -> list[promql.Expr]:
    if isinstance(tree, promql.BinaryExpr):
        return [tree.lhs, tree.rhs]
    inner = getattr(tree, "expr", None)
    return [] if inner is None else [inner]


def units_agree(found: Unit, declared: Unit, threshold: float) -> bool:
    """Is a value of `found` rightly shown and judged as `declared`?

    A quotient of equals is a ratio, and "times as much as usual" when judged beyond one.
    """
    if found is declared:
        return True
    pair: Mapping[Unit, set[Unit]] = {
        Unit.RATIO: {Unit.MULTIPLE} if threshold > 1 else set(),
        Unit.BOOLEAN: {Unit.COUNT},
    }
    return declared in pair.get(found, set())
