"""metrics.md: every metric that rules, panels and exporters may name."""

from collections.abc import Iterator
from itertools import groupby

from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import TARGET_LABELS, Metric
from tools.reference.markdown import code, codes, document, table

INTRODUCTION = f"""
Each metric is declared once in `src/dexwatch/metrics`; exporters fill it, rules and boards refer
to it.
Scraping adds the target's labels to every series: {codes(sorted(TARGET_LABELS - {"le"}))}.
A metric's owner is the program that exposes it: dexwatch itself, the platform through
`dexwatch-instrument`, or the named exporter.
"""


def page() -> str:
    """Return the page."""
    return document("Metrics", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    ordered = sorted(METRICS, key=lambda metric: (metric.owner != "dexwatch", metric.owner))
    for owner, group in groupby(ordered, key=lambda metric: metric.owner):
        yield f"## {owner}"
        rows = (_row(metric) for metric in sorted(group, key=lambda metric: metric.name))
        yield table(("Name", "Kind", "Unit", "Labels", "Meaning"), rows)


def _row(metric: Metric) -> tuple[str, ...]:
    return (code(metric.name), metric.kind, metric.unit, codes(metric.labels), metric.help)
