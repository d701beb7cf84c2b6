"""Each kind of mistake in a rule is found, placed and answered with a remedy."""

import dataclasses

import promql_parser
import pytest

from dexwatch.demo.profile import DEMO
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.rules.catalogue.host_fault_alerts import MACHINE_ALERTS
from dexwatch.rules.catalogue.host_resource_alerts import HOST_ALERTS
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.lingering import lingers_ms
from dexwatch.rules.lint import lint
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rule import RecordingRule, Runbook

PROVES = ("I-RUNBOOK", "S-RULES")
"""Requirements that these tests prove, for `dexwatch coverage`."""


GOOD = next(rule for rule in ALERTS if rule.id == "QueueDepthHigh")


DEPTH_AGAINST_USUAL = (
    "max(platform_job_queue_depth) / max(avg_over_time(platform_job_queue_depth[1d]))"
)


def checks(**changes) -> set[str]:
    rule = dataclasses.replace(GOOD, **changes)
    found = lint([rule], RECORDING_RULES)
    assert all(finding.place and finding.message and finding.remedy for finding in found)
    return {finding.check for finding in found}


@pytest.mark.parametrize("profile", [PRODUCTION, DEMO], ids=lambda one: one.name)
def test_our_own_rules_are_clean(profile):
    assert lint(ALERTS, RECORDING_RULES, profile) == ()


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("syntax", {"value": lambda _: "sum(("}),
        ("unknown-metric", {"value": lambda _: "platform_job_queue_dept"}),
        ("unknown-label", {"value": lambda _: 'platform_job_queue_depth{que="mail"}'}),
        ("bare-counter", {"value": lambda _: "dex_swaps_total"}),
        ("bare-counter", {"value": lambda _: "http_server_request_duration_seconds_count"}),
        ("rate-of-gauge", {"value": lambda _: "rate(platform_job_queue_depth[5m])"}),
        ("short-window", {"value": lambda _: "max_over_time(platform_job_queue_depth[10s])"}),
        ("unit", {"unit": Unit.SECONDS}),
        ("unit", {"value": lambda _: "sum(rate(dex_swaps_total[5m]))"}),
        ("unit", {"value": lambda _: DEPTH_AGAINST_USUAL, "threshold": 2}),
        ("impossible-threshold", {"unit": Unit.RATIO, "threshold": 80}),
        ("impossible-threshold", {"unit": Unit.RATIO, "threshold": 1}),
        ("impossible-threshold", {"operator": "<", "threshold": -1}),
        ("short-hold", {"for_seconds": 5}),
        ("no-keep", {"keep_firing_seconds": 0}),
        ("no-alert_group", {"alert_group": " "}),
        ("no-summary", {"summary": ""}),
        ("no-why", {"why": ""}),
        ("placeholder", {"description": "It is {value} old."}),
        ("placeholder", {"why": "Above {threshold} nobody waits."}),
        ("placeholder", {"runbook": dataclasses.replace(GOOD.runbook, fix=("Halve {value}.",))}),
        ("placeholder", {"runbook": dataclasses.replace(GOOD.runbook, meaning="Of {6h}.")}),
        ("window-in-words", {"summary": "{value} in the last hour, of {threshold}."}),
        ("window-in-words", {"description": "The mean over five minutes."}),
        ("window-in-text", {"description": "The mean over {5m}."}),
        ("no-requirements", {"requirements": ()}),
        ("no-runbook", {"runbook": Runbook("", (), (), "")}),
        ("summary-without-threshold", {"summary": "The queue is long."}),
        ("long-annotation", {"description": "x" * 2001}),
        ("long-annotation", {"graph": lambda _: "up or " * 400 + "up"}),
        ("summary-label", {"summary": "{value} {threshold} {{ $labels.que }}"}),
    ],
)
def test_a_mistake_is_found(check, changes):
    assert check in checks(**changes)


def test_a_share_compared_with_per_cent_says_how_to_write_it():
    (finding,) = lint(HOST_ALERTS, RECORDING_RULES, config=RulesConfig(thresholds={"CpuHigh": 80}))
    assert "80% is written 0.8" in finding.message


def test_a_rule_that_is_configured_but_not_there_is_found():
    (finding,) = lint(HOST_ALERTS, RECORDING_RULES, config=RulesConfig(disable=("CpuHihg",)))
    assert finding.check == "config"
    assert "CpuHigh" in finding.message


def test_the_same_rule_twice_is_found():
    twin = dataclasses.replace(GOOD, id="Twin")
    found = lint([GOOD, twin, GOOD], RECORDING_RULES)
    assert [(f.check, f.place) for f in found] == [
        ("duplicate", "QueueDepthHigh"),
        ("duplicate", "Twin"),
    ]


def _down_and_symptom(*, kept, window):
    down = dataclasses.replace(GOOD, id="Down", inhibits="symptom", keep_firing_seconds=kept)
    symptom = dataclasses.replace(
        GOOD,
        id="Symptom",
        alert_group="symptom",
        value=lambda _: f"max_over_time(platform_job_queue_depth[{window}])",
    )
    return [f.place for f in lint([down, symptom], []) if f.check == "inhibits-too-short"]


def test_what_holds_an_alert_back_outlasts_it():
    kept = GOOD.keep_firing_seconds
    assert _down_and_symptom(kept=kept, window="5m") == ["Down"]
    assert _down_and_symptom(kept=kept + 300, window="5m") == ["Down"]
    assert _down_and_symptom(kept=kept + 300 + 60, window="5m") == []


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("platform_job_queue_depth", 0),
        ("last_over_time(platform_job_queue_depth[5m])", 0),
        ("max_over_time(platform_job_queue_depth[5m]) > 1", 300_000),
        ("max_over_time(platform_job_queue_depth[5m]) and platform_job_queue_depth", 0),
        ("max_over_time(platform_job_queue_depth[5m]) or platform_job_queue_depth", 300_000),
        ("platform_job_queue_depth unless max_over_time(platform_job_queue_depth[5m])", 0),
        ("max_over_time(max(platform_job_queue_depth)[5m:1m])", 300_000),
        # Every second, from scrapes every five: what is recorded is as old as a recording.
        ("min_over_time(platform:up:min[1m]) < 1", 61_000),
    ],
)
def test_a_condition_lasts_as_long_as_the_fault_is_in_its_window(text, milliseconds):
    recordings = {each.name: each for each in RECORDING_RULES}
    assert lingers_ms(promql_parser.parse(text), PRODUCTION, recordings) == milliseconds


def test_a_recording_rule_is_checked_too():
    bad = RecordingRule(
        name="a:b:c",
        help="x",
        unit=Unit.COUNT,
        value=lambda _: "rate(no_such_metric[5m])",
        scrape_class=ScrapeClass.HIGH,
    )
    assert [f.place for f in lint([], [bad])] == ["a:b:c"]


def test_rules_on_hosts_leave_out_those_that_only_are_shown():
    for rule in (*HOST_ALERTS, *MACHINE_ALERTS):
        assert 'alerting!="off"' in rule.expr(PRODUCTION), rule.id


def test_who_answers_for_the_component_answers_the_alert_unless_the_rule_says_who():
    rule = next(rule for rule in ALERTS if rule.id == "RedisDown")
    assert dataclasses.replace(rule, team="").team == Component.CACHE.team == "database"
    assert dataclasses.replace(rule, team="platform").team == "platform"
