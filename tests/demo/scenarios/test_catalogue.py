"""The catalogue of scenarios is complete and speaks of rules that exist."""

import re

import pytest

from dexwatch.demo.profile import DEMO
from dexwatch.demo.scenarios import SCENARIOS, Scenario
from dexwatch.demo.scenarios.scenario import USUAL_SECONDS
from dexwatch.rules.registry import ALERTS

PROMISED = [
    "api-slow",
    "api-errors",
    "api-down",
    "db-slow",
    "db-down",
    "db-connections",
    "redis-down",
    "cache-cold",
    "lb-upstream-down",
    "queue-backlog",
    "cpu-hot",
    "memory-full",
    "disk-full",
    "node-stalled",
    "node-lagging",
    "peers-low",
    "gas-spike",
    "confirmations-slow",
    "trade-failures",
    "volume-drop",
    "registration-broken",
    "payment-broken",
    "sync-delay",
    "brute-force",
    "rate-limit-abuse",
    "whale-trade",
    "contract-reverts",
]


def test_every_promised_scenario_is_there() -> None:
    assert len(PROMISED) == 27
    assert set(PROMISED) <= {scenario.name for scenario in SCENARIOS}


def test_names_are_unique() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_raises_known_rules_and_tells_its_story(scenario: Scenario) -> None:
    known = {rule.id for rule in ALERTS}
    assert scenario.raises
    assert set(scenario.raises) | set(scenario.also) <= known
    assert not set(scenario.raises) & set(scenario.also)
    assert re.fullmatch(r"[a-z][a-z0-9-]*", scenario.name)
    assert scenario.story.endswith(".")
    assert not scenario.title.endswith(".")


def test_whoever_raises_a_rule_on_what_is_usual_waits_for_that() -> None:
    raised = {rule for scenario in SCENARIOS for rule in scenario.raises}
    judged = {
        rule.id
        for rule in ALERTS
        if rule.id in raised and re.search(r" offset |quantile_over_time", rule.value(DEMO))
    }
    assert judged == USUAL_SECONDS.keys()
    slow = {scenario.name for scenario in SCENARIOS if scenario.usual_seconds}
    assert slow == {"api-slow", "db-slow", "cache-cold", "gas-spike", "volume-drop"}
