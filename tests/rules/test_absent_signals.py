"""The absent signals of each P0 rule are a P1, and the alert that says so stays short."""

import dataclasses

import promql_parser as promql

from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.severity import Severity
from dexwatch.rules.absent_signals import critical_signal_lost
from dexwatch.rules.expression import selectors
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rendering import annotations

LOST = next(rule for rule in ALERTS if rule.id == "CriticalSignalLost")
OF_SCRAPING = {"up", "scrape_duration_seconds"}


def names(expression: str) -> set[str]:
    return {selector.name or "" for selector in selectors(promql.parse(expression))}


def made_of(expression: str) -> set[str]:
    """Return the series of an expression, recorded ones followed to what they are made of."""
    recorded = {rule.name: rule for rule in RECORDING_RULES}
    found: set[str] = set()
    for name in names(expression):
        rule = recorded.get(name)
        found |= {name} if rule is None else made_of(rule.value(PRODUCTION))
    return found


def test_every_series_behind_a_p0_is_watched():
    assert LOST.severity is Severity.P1
    watched = names(LOST.value(PRODUCTION))
    for rule in ALERTS:
        if rule.severity is Severity.P0:
            assert made_of(rule.expr(PRODUCTION)) - OF_SCRAPING <= watched, rule.id


def test_its_annotations_do_not_grow_with_the_number_of_rules():
    twice = [
        dataclasses.replace(
            rule, id=f"{rule.id}{n}", value=lambda _, n=n: f'up{{job="job-{n}"}} == {n}'
        )
        for n in range(200)
        for rule in ALERTS
        if rule.severity is Severity.P0
    ]
    more = critical_signal_lost((*ALERTS, *twice))
    assert all(len(text) < 2_000 for text in annotations(more, PRODUCTION).values())
