"""What can be wrong in a PromQL expression, whoever wrote it: ours and an operator's alike."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import promql_parser as promql

from dexwatch.metrics.metric import Kind
from dexwatch.metrics.profile import SCRAPES_PER_WINDOW, EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.rules.expression import (
    COUNTING,
    OF_COUNTERS,
    OF_GAUGES,
    PRESENCE,
    Vocabulary,
    labels,
    uses,
)

LONGEST_ANNOTATION = 2_000
"""Receivers bound what they read; ours cut at 8,192, which leaves room for labels filled in."""

EXTREMES = {"max_over_time", "min_over_time"}
"""Between both lies what a counter gained; one alone says nothing of it."""

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class LintFinding:
    """One thing to put right."""

    check: str
    """The kind of mistake, for example `unknown-metric`."""
    place: str
    """The rule, and for rules of one's own the file."""
    message: str
    remedy: str
    level: Level = "error"


def check_expression(
    place: str,
    text: str,
    scrape_class: ScrapeClass,
    profile: EvaluationProfile,
    known: Vocabulary,
    *,
    strict: bool = True,
) -> Iterator[LintFinding]:
    """Yield what is wrong with an expression; unless `strict`, unknown names are only warned of."""
    try:
        tree = promql.parse(text)
    except ValueError as error:
        yield LintFinding("syntax", place, str(error), "correct the expression")
        return
    shortest = SCRAPES_PER_WINDOW * profile.scrape_ms(scrape_class)
    found = tuple(uses(tree))
    for use in found:
        if not known.knows(use.name):
            yield LintFinding(
                "unknown-metric",
                place,
                f"nobody declares {use.name or 'a selector without name'}",
                "correct the name, or declare the metric in dexwatch/metrics"
                if strict
                else "correct the name if no exporter of yours exposes it",
                "error" if strict else "warning",
            )
            continue
        allowed = known.labels_of(use.name) or frozenset()
        for label in sorted(use.labels - allowed):
            yield LintFinding(
                "unknown-label",
                place,
                f"{use.name} has no label {label}",
                f"use one of: {', '.join(sorted(allowed)) or 'none'}",
            )
        of_this = {one.function for one in found if one.name == use.name}
        if not (of_this >= EXTREMES and use.function in EXTREMES):
            yield from _function(place, use.name, use.function, known)
        if use.range_ms is not None and use.range_ms < shortest:
            yield LintFinding(
                "short-window",
                place,
                f"a range of {use.range_ms} ms holds fewer than {SCRAPES_PER_WINDOW} scrapes",
                f"use at least {shortest} ms at this scrape_class",
            )


def check_shown_labels(
    place: str, texts: str, tree: promql.Expr, known: Vocabulary, *, added: Collection[str] = ()
) -> Iterator[LintFinding]:
    """Yield the labels that the texts show and that neither the result has nor the rule adds."""
    carried = labels(tree, known)
    for label in re.findall(r"\$labels\.(\w+)", texts):
        if carried is not None and label not in carried and label not in added:
            yield LintFinding(
                "summary-label",
                place,
                f"the text shows the label {label}, which the result does not carry",
                f"use one of: {', '.join(sorted(carried)) or 'none'}, or aggregate by {label}",
            )


def _function(
    place: str, name: str, function: str | None, known: Vocabulary
) -> Iterator[LintFinding]:
    kind = known.kind(name)
    if kind is Kind.COUNTER and function not in OF_COUNTERS | PRESENCE | {COUNTING}:
        yield LintFinding(
            "bare-counter",
            place,
            f"{name} is a counter and only ever grows",
            "take its rate() or increase() over a range",
        )
    if kind is Kind.GAUGE and function in OF_COUNTERS:
        yield LintFinding(
            "rate-of-gauge",
            place,
            f"{name} is a gauge and {function}() would take each fall for a restart",
            f"use one of: {', '.join(sorted(OF_GAUGES))}, or compare averages",
        )
