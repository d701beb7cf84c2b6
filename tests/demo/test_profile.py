"""The sample's rules are the product's, transformed from outside; messages keep the thresholds."""

import pytest

from dexwatch.demo.profile import DEMO, EXTRA_CONDITIONS, THRESHOLDS, transform
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.lint import lint
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS, render
from tests.fakes import promtool

RULES = {rule.id: rule for rule in ALERTS}
TRANSFORMED = {rule.id: rule for rule in transform(ALERTS)}


def test_only_what_is_named_changes():
    assert set(TRANSFORMED) == set(RULES)
    changed = {name for name, rule in TRANSFORMED.items() if rule != RULES[name]}
    assert changed == EXTRA_CONDITIONS.keys() | THRESHOLDS.keys()


def test_messages_keep_the_thresholds_except_where_real_time_has_to_pass():
    kept = {name for name, rule in TRANSFORMED.items() if rule.threshold == RULES[name].threshold}
    assert set(RULES) - kept == set(THRESHOLDS)


@pytest.mark.parametrize("name", sorted(EXTRA_CONDITIONS))
def test_what_is_asked_besides_is_only_added(name):
    before, after = RULES[name].expr(PRODUCTION), TRANSFORMED[name].expr(PRODUCTION)
    assert after.startswith(before)
    assert after.removeprefix(before).startswith("\nand ")


def test_the_transformed_rules_are_as_clean_as_ours():
    assert lint(tuple(TRANSFORMED.values()), RECORDING_RULES, DEMO) == ()


@pytest.mark.parametrize(("failures", "fires"), [("0*600 1*600", 0), ("0*600 1*120 2*480", 1)])
def test_one_failure_of_a_collector_is_no_alert(tmp_path, failures, fires):
    series = {
        'dexwatch_collector_success{collector="liquidity"}': "1*600 0*600",
        'dexwatch_collector_failures_total{collector="liquidity"}': failures,
    }
    rule = TRANSFORMED["CollectorFailing"]
    result = promtool.run([promtool.judge(rule, tmp_path, series=series, firing={870: fires})])
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_product_does_not_know_of_it():
    assert "0.8" not in RULES["LatencyDegraded"].expr(PRODUCTION)
    assert render(PRODUCTION) != render(DEMO, alerts=transform(ALERTS))
