"""Coverage claims only what was checked."""

import dataclasses
import json
from pathlib import Path

import pytest

from dexwatch.cli.coverage import notifier_claims
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Kind
from dexwatch.reports.catalogue import rows
from dexwatch.reports.claims import CLAIMS
from dexwatch.reports.coverage import Evidence, Live, assess, fingerprint
from dexwatch.reports.record import TESTS_FILE, judged_rules, mark, passed_files
from dexwatch.rules.registry import ALERTS

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
    return {row.id: row for row in assess(Evidence(**evidence))}


def test_every_row_of_the_catalogue_is_judged_once():
    assert [row.id for row in assess(Evidence())] == [row.id for row in rows()]


def test_without_evidence_nothing_is_proved():
    assert not [row.id for row in assess(Evidence()) if row.state == "proved"]


def test_what_is_not_proved_says_what_is_missing():
    for evidence in (Evidence(), Evidence(tested_rules=TESTED, live=LIVE)):
        for row in assess(evidence):
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


def test_what_lacks_is_never_proved_whatever_the_evidence():
    claims = (*CLAIMS.values(), *notifier_claims().values())
    tests = {path: "passed" for claim in claims for path in claim.tests}
    found = states(
        tested_rules=TESTED,
        tests=tests,
        claims=notifier_claims(),
        live=LIVE,
    )
    for row_id, claim in CLAIMS.items():
        if claim.lacks:
            assert found[row_id].state != "proved", row_id
    assert found["C-EMAIL"].state == "proved"


def test_later_work_is_open():
    found = states(tested_rules=TESTED, live=LIVE)
    for row in ("C-ELASTIC", "C-PAGERDUTY", "P-COMPROMISE", "L-PII", "K-AUDIT", "X-SIGMA"):
        assert (found[row].state, found[row].missing) == ("open", "not built yet")


def test_claims_and_rules_name_rows_of_the_catalogue():
    known = {row.id for row in rows()}
    assert set(CLAIMS) <= known
    assert {row for rule in ALERTS for row in rule.requirements} <= known
    shown = {row for board in BOARDS for panel in board.panels for row in panel.requirements}
    assert shown <= known, sorted(shown - known)
    assert {board.requirement for board in BOARDS} <= known


def test_claimed_tests_exist():
    root = Path(__file__).parents[2]
    claims = (*CLAIMS.values(), *notifier_claims().values())
    named = {path for claim in claims for path in claim.tests}
    assert not [path for path in sorted(named) if not (root / path).is_file()]


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
    assert passed_files(home) == {
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
    assert passed_files(tmp_path) == {}
