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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("keep_firing_for: 2m", "keep_firing_for: soon"),
        ("keep_firing_for: 2m", "keep_fireing_for: 2m\n        keep_firing_for: 2m"),
        ("groups:", "groups:\n  - 7"),
        ("rules:", "rules: 7\n    x:"),
        ("summary: down", 'summary: "{{ nosuch }}"'),
        ("- name: mine", "- {name: mine, rules: []}\n  - name: mine"),
    ],
)
def test_what_prometheus_would_not_load_is_told_at_the_file(before, after, tmp_path):
    (tmp_path / "mine.yml").write_text(RULES.replace(before, after))
    promtool.binary()
    [refused] = [f for f in findings_of(tmp_path / "mine.yml") if f.check == "refused"]
    assert refused.place == str(tmp_path / "mine.yml")
    assert (refused.level, "FAILED" in refused.message) == ("error", False)


def test_a_file_that_prometheus_would_not_load_is_told_once(tmp_path, capsys):
    promtool.binary()
    (tmp_path / "mine.yml").write_text(RULES.replace("2m", "soon"))
    (tmp_path / "dexwatch.yml").write_text(
        "name: a\nrespond: {hook_token: a-long-enough-token-for-tests}\n"
        "rules: {extra_files: [mine.yml]}\n"
    )
    with pytest.raises(typer.Exit):
        check(tmp_path / "dexwatch.yml", as_json=True)
    assert capsys.readouterr().out.count("not a valid duration") == 1


@pytest.mark.parametrize(
    ("content", "remedy"), [(b"#" * 1_000_001, "split"), (b"groups: \xff", "UTF-8")]
)
def test_a_file_that_is_not_taken_says_what_to_do_with_it(content, remedy, tmp_path):
    (tmp_path / "mine.yml").write_bytes(content)
    [finding] = findings_of(tmp_path / "mine.yml")
    assert (finding.check, remedy in finding.remedy) == ("unreadable", True)


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
