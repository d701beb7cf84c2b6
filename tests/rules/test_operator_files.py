"""An operator's own rule files are read with the same eyes as ours, and each mistake has a line."""

import pytest

from dexwatch.rules.operator_files import lint_files, promtool_tests, read_rules

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
    assert {(f.place, f.check, f.level) for f in lint_files({"mine.yml": OWN})} == {
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
    assert not [f for f in lint_files({"mine.yml": OWN}) if "mine:swaps:rate" in f.message]


def test_rules_are_read_with_file_line_and_requirements():
    recorded, mine, *_ = read_rules("mine.yml", OWN)
    assert (recorded.name, recorded.is_alert) == ("mine:swaps:rate", False)
    assert (mine.name, mine.place) == ("Mine", "mine.yml:6")
    assert mine.requirements == ("M-APP-QUEUE", "X")


def shown(label: str, expr: str) -> str:
    return f"""\
groups:
  - rules:
      - alert: Shown
        expr: {expr}
        keep_firing_for: 2m
        labels: {{severity: P2, component: jobs, team: us, alert_group: mine}}
        annotations: {{summary: "{{{{ $labels.{label} }}}}", runbook: Restart it.}}
"""


@pytest.mark.parametrize(
    ("label", "expr"),
    [
        ("instance", "topk(3, up) < 1"),
        ("instance", "bottomk by (job) (3, up) < 1"),
        ("zone", "my_metric > 1 or up < 1"),
        ("version", "up * on (instance) group_left (version) dexwatch_build_info < 1"),
        ("version", "up * on (instance) group_right () dexwatch_build_info < 1"),
        ("place", "label_join(up, 'place', '/', 'job', 'instance') < 1"),
        ("instance", "label_join(up, 'place', '/', 'job', 'instance') < 1"),
        ("instance", "clamp_max(up, scalar(up)) < 1"),
        ("instance", "time() - process_start_time_seconds > 60"),
        ("found", "count_values('found', up) > 1"),
    ],
)
def test_a_label_that_the_result_carries_may_be_shown(label, expr):
    found = lint_files({"mine.yml": shown(label, expr)})
    assert "summary-label" not in {f.check for f in found}


@pytest.mark.parametrize(
    ("label", "expr"),
    [
        ("pool", "topk(3, up) < 1"),
        ("pool", "up * on (instance) group_left (version) dexwatch_build_info < 1"),
        ("instance", "count_values by (job) ('found', up) > 1"),
        ("instance", "sum(up) < 1"),
        ("pool", "up < 1 and on () dex_tvl_usd < 1"),
    ],
)
def test_a_label_that_the_result_lacks_is_found(label, expr):
    found = lint_files({"mine.yml": shown(label, expr)})
    assert "summary-label" in {f.check for f in found}


def test_an_annotation_too_long_for_receivers_is_found():
    text = OWN.replace("Restart it.", "x" * 2001)
    assert "long-annotation" in {f.check for f in lint_files({"mine.yml": text})}


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
    [finding] = lint_files({"mine.yml": text})
    assert (finding.check, finding.place) == ("yaml", f"mine.yml:{line}")


def test_aliases_that_make_a_kilobyte_a_gigabyte_are_refused_before_they_are_followed():
    lines = [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    [finding] = lint_files({"mine.yml": "\n".join(["b0: &a0 [x]", *lines, "groups: *a11"])})
    assert (finding.check, "aliases" in finding.message) == ("yaml", True)
    assert "write" in finding.remedy


@pytest.mark.parametrize("within", ["<<: *own", "x: *own"])
def test_an_alias_within_what_it_stands_for_is_refused(within):
    text = f"groups:\n- rules:\n  - alert: A\n    labels: &own\n      {within}\n"
    (finding,) = lint_files({"own.yml": text})
    assert (finding.check, finding.place) == ("yaml", "own.yml:5")
    assert "*own" in finding.message


def test_an_alias_that_says_a_thing_twice_is_followed():
    text = OWN.replace("labels: {severity: P2", "labels: &l {severity: P2", 1)
    text = text.replace("labels: {severity: page, component: gateway}", "labels: *l")
    found = lint_files({"mine.yml": text})
    assert ("mine.yml:11: Sloppy", "no-severity") not in {(f.place, f.check) for f in found}


def test_two_files_name_no_alert_twice_and_know_what_the_other_records():
    record, alert = OWN.partition("      - alert: Sloppy")[0].split("      - alert: Mine")
    mine = "groups:\n  - name: mine\n    rules:\n      - alert: Mine" + alert
    found = lint_files({"a.yml": record, "b.yml": mine, "c.yml": mine})
    assert [(f.place, "b.yml:4" in f.message) for f in found if f.check == "duplicate"] == [
        ("c.yml:4", True)
    ]
    assert not [f for f in found if "mine:swaps:rate" in f.message]


def test_what_we_record_is_recorded_by_nobody_else():
    text = OWN.replace("mine:swaps:rate", "dex:swaps:rate")
    assert ("mine.yml:4", "duplicate") in {
        (f.place, f.check) for f in lint_files({"mine.yml": text})
    }


def test_what_is_no_rule_is_passed_over():
    assert lint_files({"mine.yml": "groups:\n  - {rules: [7, null]}\n  - 3\n"}) == ()


def test_tests_lie_beside_the_file(tmp_path):
    for name in ("mine.yml", "mine.test.yml", "other_test.yml"):
        (tmp_path / name).write_text("")
    assert promtool_tests(tmp_path / "mine.yml") == (tmp_path / "mine.test.yml",)
    assert promtool_tests(tmp_path / "other.yml") == (tmp_path / "other_test.yml",)
