"""Coverage claims only what was checked."""

import dataclasses
import json
from pathlib import Path

import pytest

from dexwatch.cli.coverage import plugins
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Kind
from dexwatch.reports.coverage import Evidence, Live, TestFile, evaluate, fingerprint
from dexwatch.reports.record import TESTS_FILE, judged_rules, mark, proves, recorded_tests
from dexwatch.reports.requirements import requirements
from dexwatch.roles.registry import ROLES
from dexwatch.rules.registry import ALERTS

PROVES = ("U-COVERAGE",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


TESTED = {rule.id: fingerprint(rule) for rule in ALERTS}
ALL_SERIES = frozenset(
    f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name for metric in METRICS
)
LIVE = Live(
    series=ALL_SERIES,
    rules={rule.id: "ok" for rule in ALERTS},
    panels={(board.id, panel.id): 1 for board in BOARDS for panel in board.panels},
)


def states(**evidence) -> dict:
    return {row.id: row for row in evaluate(Evidence(**evidence))}


def test_every_row_of_the_catalogue_is_judged_once():
    assert [row.id for row in evaluate(Evidence())] == [row.id for row in requirements()]


def test_without_evidence_nothing_is_proved():
    assert not [row.id for row in evaluate(Evidence()) if row.state == "proved"]


def test_what_is_not_proved_says_what_is_missing():
    for evidence in (Evidence(), Evidence(tested_rules=TESTED, live=LIVE)):
        for row in evaluate(evidence):
            assert bool(row.missing) == (row.state != "proved"), row.id
            assert bool(row.proof) == (row.state != "open"), row.id


def test_a_rule_that_promtool_judged_proves_its_row():
    assert states(tested_rules=TESTED)["A-P0-DB-DOWN"].state == "proved"
    assert "RedisDown" in states(tested_rules=TESTED)["A-P0-REDIS-DOWN"].proof


def test_a_rule_that_changed_since_proves_nothing():
    changed = TESTED | {"DatabaseDown": "0"}
    row = states(tested_rules=changed)["A-P0-DB-DOWN"]
    assert row.state == "partly"
    assert "changed since" in row.missing


def test_a_rule_that_prometheus_does_not_evaluate_proves_nothing_live():
    for rules in ({}, {"DatabaseDown": "err"}):
        live = dataclasses.replace(LIVE, rules=rules)
        assert states(tested_rules=TESTED, live=live)["A-P0-DB-DOWN"].state == "partly"


@pytest.mark.parametrize("row", ["M-SYS-CPU", "M-TRADE-VOLUME", "D-OVERVIEW"])
def test_metrics_and_boards_need_a_running_stack(row):
    assert states(tested_rules=TESTED)[row].state == "partly"
    assert "--live" in states(tested_rules=TESTED)[row].missing
    assert states(tested_rules=TESTED, live=LIVE)[row].state == "proved"


def test_a_metric_without_samples_is_named():
    live = dataclasses.replace(LIVE, series=ALL_SERIES - {"node_cpu_seconds_total"})
    assert "node_cpu_seconds_total has no samples" in states(live=live)["M-SYS-CPU"].missing


def test_an_empty_panel_is_named():
    board = BOARDS[0]
    key = (board.id, board.panels[0].id)
    row = states(live=dataclasses.replace(LIVE, panels={**LIVE.panels, key: 0}))[board.requirement]
    assert row.state == "partly"
    assert board.panels[0].id in row.missing


def test_a_rule_that_fires_proves_what_asks_for_an_alert_and_nothing_else():
    kinds = {each.id: each.kind for each in requirements()}
    alone = {row.id for row in evaluate(Evidence(tested_rules=TESTED)) if row.state == "proved"}
    assert alone
    assert {kinds[row] for row in alone} == {"alert"}


ROOT = Path(__file__).parents[2]
FILES = {
    str(path.relative_to(ROOT)): TestFile("passed", proves(path))
    for path in (ROOT / "tests").rglob("test_*.py")
}


def test_a_gap_is_never_proved_whatever_the_evidence():
    found = states(tested_rules=TESTED, tests=FILES, plugins=plugins(), live=LIVE)
    gaps = [each for each in requirements() if each.gap]
    assert gaps
    for each in gaps:
        assert found[each.id].state != "proved", each.id
        assert each.gap in found[each.id].missing
    assert found["C-EMAIL"].state == "proved"
    assert found["I-RUNBOOK"].state == "proved"


def test_a_program_and_an_operators_rule_answer_what_they_name():
    found = states(
        programs={"node-exporter": ("C-NODE-EXP",)}, operator_rules={"Mine": ("A-P0-CONTRACT",)}
    )
    assert "program node-exporter" in found["C-NODE-EXP"].proof
    assert "your rule Mine" in found["A-P0-CONTRACT"].proof
    live = dataclasses.replace(LIVE, rules={})
    mine = states(operator_rules={"Mine": ("A-P0-CONTRACT",)}, live=live)["A-P0-CONTRACT"]
    assert "your rule Mine is not loaded" in mine.missing


def test_later_work_is_open():
    found = states(tested_rules=TESTED, live=LIVE)
    for row in ("C-ELASTIC", "C-PAGERDUTY", "P-COMPROMISE", "L-PII", "K-AUDIT", "X-SIGMA"):
        assert (found[row].state, found[row].missing) == ("open", "not built yet")


def test_whatever_proves_names_requirements_that_exist():
    known = {each.id for each in requirements()}
    named = {each for rule in ALERTS for each in rule.requirements}
    named |= {each for metric in METRICS for each in metric.requirements}
    named |= {each for board in BOARDS for panel in board.panels for each in panel.requirements}
    named |= {board.requirement for board in BOARDS}
    named |= {each for file in FILES.values() for each in file.requirements}
    named |= {each for plugin in plugins().values() for each in plugin.requirements}
    named |= {each for role in ROLES for each in role.requirements}
    assert sorted(named - known) == []


def test_the_files_that_test_notifiers_and_receivers_exist():
    assert {plugin.tests for plugin in plugins().values()} <= FILES.keys()


def test_a_receiver_counts_only_with_its_tests():
    file = "tests/receivers/test_alertmanager.py"
    given = {"tested_rules": TESTED, "plugins": plugins(), "live": LIVE}
    shown = states(**given, tests={file: TestFile("passed")})["C-ALERTMANAGER"]
    assert shown.state == "proved", shown.missing
    assert f"receiver alertmanager; test {file}" in shown.proof
    failed = states(**given, tests={file: TestFile("failed")})["C-ALERTMANAGER"]
    assert (failed.state, failed.missing) == ("partly", f"{file}: failed")


def test_the_record_of_promtools_judgement_is_the_present_one():
    assert judged_rules() == TESTED, (
        "rules changed: let promtool judge them and write the record with "
        "DEXWATCH_RECORD=1 pytest tests/rules/test_alerts.py"
    )


def test_a_test_counts_only_as_it_is_now(tmp_path):
    home = tmp_path / ".dexwatch"
    home.mkdir()
    for name in ("good", "edited", "failed", "skipped"):
        (tmp_path / f"{name}.py").write_text(name)
    marks = {f"{n}.py": mark(tmp_path / f"{n}.py") for n in ("good", "edited", "failed", "skipped")}
    record = {path: {"mark": value, "passed": 3} for path, value in marks.items()}
    record["failed.py"]["failed"] = 1
    record["skipped.py"]["skipped"] = 1
    record["gone.py"] = {"mark": "0", "passed": 1}
    (home / TESTS_FILE).write_text(json.dumps(record))
    (tmp_path / "edited.py").write_text("something else")
    assert {path: file.outcome for path, file in recorded_tests(home).items()} == {
        "good.py": "passed",
        "edited.py": "changed since its last run",
        "failed.py": "failed in its last run",
        "skipped.py": "skipped in part in its last run",
        "gone.py": "the file is not here",
    }


@pytest.mark.parametrize("content", [None, "", "[", "{}"])
def test_a_missing_or_broken_record_proves_nothing(tmp_path, content):
    if content is not None:
        (tmp_path / TESTS_FILE).write_text(content)
    assert recorded_tests(tmp_path) == {}
