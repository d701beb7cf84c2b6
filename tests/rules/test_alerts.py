"""Every rule fires, keeps quiet right below its limit, and resolves: promtool judges."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import dexwatch.reports
from dexwatch.demo.profile import DEMO
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.reports.coverage import fingerprint
from dexwatch.reports.record import RULES_FILE, judged_rules
from dexwatch.rules.registry import ALERTS, render
from tests.fakes import promtool
from tests.rules.cases_exchange import CASES_EXCHANGE
from tests.rules.cases_ground import CASES_GROUND
from tests.rules.cases_monitoring import CASES_MONITORING
from tests.rules.cases_platform import CASES_PLATFORM

pytestmark = pytest.mark.slow

EVERY_CASE = (*CASES_PLATFORM, *CASES_EXCHANGE, *CASES_GROUND, *CASES_MONITORING)
CASES = {case.rule: case for case in EVERY_CASE}
RULES = {rule.id: rule for rule in ALERTS}
ALWAYS = {"Watchdog"}
BATCH = 20
RECORD = Path(dexwatch.reports.__file__).with_name(RULES_FILE)
BATCHES = [sorted(CASES)[start : start + BATCH] for start in range(0, len(CASES), BATCH)]


def record(names: list[str]) -> None:
    """Write down what promtool judged, when asked to by DEXWATCH_RECORD=1."""
    if os.environ.get("DEXWATCH_RECORD") == "1":
        known = {key: value for key, value in judged_rules().items() if key in RULES}
        known |= {name: fingerprint(RULES[name]) for name in names}
        RECORD.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def test_no_rule_lacks_its_cases():
    assert set(CASES) == set(RULES) - ALWAYS
    assert len(CASES) == len(EVERY_CASE)


def test_every_rule_that_judges_a_share_of_traffic_has_a_quiet_case():
    by_count_already = {"ApiUptimeLow", "SystemAvailabilityLow"}
    for rule in ALERTS:
        wants_traffic = rule.condition is not None and ">=" in rule.condition(PRODUCTION)
        if wants_traffic and rule.unit == "ratio" and rule.id not in by_count_already:
            assert CASES[rule.id].quiet is not None, rule.id


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch[0]}..{batch[-1]}")
def test_rules_fire_keep_quiet_and_resolve(batch, tmp_path):
    paths = [promtool.write(CASES[name], RULES[name], tmp_path) for name in batch]
    result = promtool.run(paths)
    assert result.returncode == 0, result.stdout + result.stderr
    record(batch)


def test_the_dead_mans_signal_always_fires_and_is_routed_to_nobody(tmp_path):
    (tmp_path / "w.yml").write_text(
        promtool.render_rules(PRODUCTION, alerts=[RULES["Watchdog"]], recordings=[])
    )
    (tmp_path / "t.yml").write_text(
        "rule_files: [w.yml]\n"
        "tests:\n"
        "  - interval: 1m\n"
        "    promql_expr_test:\n"
        "      - expr: count by (severity) (ALERTS{alertname='Watchdog',alertstate='firing'})\n"
        "        eval_time: 5m\n"
        "        exp_samples: [{labels: '{severity=\"none\"}', value: 1}]\n"
    )
    result = promtool.run([tmp_path / "t.yml"])
    assert result.returncode == 0, result.stdout
    record(["Watchdog"])


@pytest.mark.parametrize("profile", [PRODUCTION, DEMO], ids=lambda one: one.name)
def test_promtool_accepts_the_rendered_rules(profile, tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(render(profile))
    result = subprocess.run(
        [promtool.binary(), "check", "rules", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
