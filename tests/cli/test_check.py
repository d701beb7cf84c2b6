"""`dexwatch check` runs the promtool tests that lie beside an operator's rule files."""

import os
from pathlib import Path

import pytest
import typer

from dexwatch.cli.check import check, findings_of
from tests.fakes import promtool

RULES = """\
groups:
  - name: mine
    interval: 1m
    rules:
      - alert: Mine
        expr: up == 0
        keep_firing_for: 2m
        labels: {severity: P2, component: jobs, team: us, alert_group: mine}
        annotations: {summary: down, runbook: Start it.}
"""
TEST = """\
rule_files: [mine.yml]
tests:
  - input_series: [{series: up, values: 0x10}]
    promql_expr_test:
      - expr: count(ALERTS{alertstate="firing"})
        eval_time: 5m
        exp_samples: [{labels: "{}", value: %d}]
"""


def checks(folder: Path) -> dict[str, str]:
    promtool.binary()
    return {finding.check: finding.message for finding in findings_of(folder / "mine.yml")}


def test_without_a_test_it_warns_and_with_a_good_one_it_is_silent(tmp_path):
    (tmp_path / "mine.yml").write_text(RULES)
    assert set(checks(tmp_path)) == {"no-tests"}
    (tmp_path / "mine.test.yml").write_text(TEST % 1)
    assert checks(tmp_path) == {}


def test_a_test_that_fails_is_an_error_with_what_promtool_says(tmp_path):
    (tmp_path / "mine.yml").write_text(RULES)
    (tmp_path / "mine_test.yml").write_text(TEST % 7)
    found = checks(tmp_path)
    assert set(found) == {"failed-test"}
    assert "got" in found["failed-test"]


def test_a_file_that_cannot_be_read_is_reported(tmp_path):
    assert set(checks(tmp_path)) == {"unreadable"}


def test_a_configuration_out_of_a_pipe_is_checked_and_told_to_be_checked_in_part(capsys):
    reader, writer = os.pipe()
    os.write(writer, b"name: a\nrespond: {hook_token: a-long-enough-token-for-tests}\n")
    os.close(writer)
    try:
        check(Path(f"/dev/fd/{reader}"), as_json=True)
    except typer.Exit:
        pytest.fail("a warning is no reason to fail")
    finally:
        os.close(reader)
    assert '"pipe"' in capsys.readouterr().out
