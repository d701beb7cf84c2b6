"""An operator's own rule files are read with the same eyes as ours, and each mistake has a line."""

import pytest

from dexwatch.rules.operator_files import lint_file, promtool_tests, read_rules

OWN = """\
groups:
  - name: mine
    rules:
      - record: mine:swaps:rate
        expr: sum by (pool) (rate(dex_swaps_total[5m]))
      - alert: Mine
        expr: my_metric > 3 and on () mine:swaps:rate > 0
        keep_firing_for: 2m
        labels: {severity: P2, component: jobs, team: us, alert_group: mine}
        annotations: {summary: too many, runbook: Restart it., requirements: "M-APP-QUEUE, X"}
      - alert: Sloppy
        expr: rate(up[1s]) >
        labels: {severity: page, component: gateway}
      - alert: CpuHigh
        expr: sum by (pool) (rate(dex_swaps_total[5m])) > 1
        keep_firing_for: 2m
        labels: {severity: P2, component: jobs, team: us, alert_group: mine}
        annotations: {summary: "{{ $labels.host }}", runbook_url: "https://wiki.example.org/x"}
"""


def test_each_mistake_is_found_at_its_line():
    assert {(f.place, f.check, f.level) for f in lint_file("mine.yml", OWN)} == {
        ("mine.yml:6: Mine", "unknown-metric", "warning"),
        ("mine.yml:11: Sloppy", "syntax", "error"),
        ("mine.yml:11: Sloppy", "no-severity", "error"),
        ("mine.yml:11: Sloppy", "unknown-component", "warning"),
        ("mine.yml:11: Sloppy", "no-team", "warning"),
        ("mine.yml:11: Sloppy", "no-alert_group", "warning"),
        ("mine.yml:11: Sloppy", "no-summary", "error"),
        ("mine.yml:11: Sloppy", "no-runbook", "error"),
        ("mine.yml:11: Sloppy", "no-keep", "warning"),
        ("mine.yml:14", "duplicate", "error"),
        ("mine.yml:14: CpuHigh", "summary-label", "error"),
    }


def test_what_a_file_records_its_other_rules_may_use():
    assert not [f for f in lint_file("mine.yml", OWN) if "mine:swaps:rate" in f.message]


def test_rules_are_read_with_file_line_and_requirements():
    recorded, mine, *_ = read_rules("mine.yml", OWN)
    assert (recorded.name, recorded.is_alert) == ("mine:swaps:rate", False)
    assert (mine.name, mine.place) == ("Mine", "mine.yml:6")
    assert mine.requirements == ("M-APP-QUEUE", "X")


def test_an_annotation_too_long_for_receivers_is_found():
    text = OWN.replace("Restart it.", "x" * 2001)
    assert "long-annotation" in {f.check for f in lint_file("mine.yml", text)}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("groups: [", 1),
        ("just words", 1),
        ("groups: 7", 1),
        ("", 1),
        ("- 1", 1),
        ("[" * 5_000, 1),
        ("- " * 5_000, 1),
        ("groups:\n" + "? " * 5_000, 2),
        ("\0", 1),
        ("groups:\n  - name: a\n   rules: []\n", 3),
    ],
)
def test_a_broken_file_is_a_finding_and_never_a_crash(text, line):
    [finding] = lint_file("mine.yml", text)
    assert (finding.check, finding.place) == ("yaml", f"mine.yml:{line}")


def test_what_is_no_rule_is_passed_over():
    assert lint_file("mine.yml", "groups:\n  - {rules: [7, null]}\n  - 3\n") == ()


def test_tests_lie_beside_the_file(tmp_path):
    for name in ("mine.yml", "mine.test.yml", "other_test.yml"):
        (tmp_path / name).write_text("")
    assert promtool_tests(tmp_path / "mine.yml") == (tmp_path / "mine.test.yml",)
    assert promtool_tests(tmp_path / "other.yml") == (tmp_path / "other_test.yml",)
