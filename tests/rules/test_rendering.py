"""The rule file, its words, and what an operator may change about it."""

import re

import promql_parser as promql
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from dexwatch.demo.profile import DEMO
from dexwatch.metrics import METRICS
from dexwatch.metrics.identity import IDENTITY_LABELS
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.expression import Vocabulary, labels
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.registry import ALERTS, render
from dexwatch.rules.rendering import UnknownRuleError, render_rules, summary
from tests.fakes import promtool

PROVES = ("S-QUERY", "S-RULES")
"""Requirements that these tests prove, for `dexwatch coverage`."""


def rules(profile=PRODUCTION, config=None) -> dict[str, dict]:
    document = YAML(typ="safe").load(render(profile, config))
    return {
        rule["alert"]: rule for g in document["groups"] for rule in g["rules"] if "alert" in rule
    }


def test_every_alert_carries_what_routing_and_people_need():
    for rule_id, rule in rules().items():
        carried = {"severity", "component", "team", "alert_group", "group_priority"}
        assert set(rule["labels"]) >= carried, rule_id
        assert set(rule["annotations"]) == {
            "summary",
            "description",
            "runbook_url",
            "query",
            "unit",
            "threshold",
            "operator",
            "for_seconds",
        }
        assert rule["annotations"]["runbook_url"] == f"/runbooks/{rule_id}"


@pytest.mark.parametrize("profile", [PRODUCTION, DEMO], ids=lambda one: one.name)
def test_the_hold_is_told_in_seconds_as_prometheus_holds_it(profile):
    for rule_id, rule in rules(profile).items():
        told = float(rule["annotations"]["for_seconds"])
        assert told * 1000 == milliseconds(rule.get("for", "0s")), rule_id


def milliseconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()
    return int(number) * {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]


def test_rules_of_one_alert_group_agree_in_the_identity_labels():
    known = Vocabulary(METRICS, RECORDING_RULES)
    subjects: dict[str, dict[str, frozenset[str]]] = {}
    for rule in ALERTS:
        found = labels(promql.parse(rule.value(PRODUCTION)), known)
        if found is not None:
            subjects.setdefault(rule.alert_group, {})[rule.id] = found & set(IDENTITY_LABELS)
    torn = {name: labels for name, labels in subjects.items() if len(set(labels.values())) > 1}
    assert not torn


def test_all_p0_rules_are_evaluated_at_the_critical_interval():
    for profile, interval in ((PRODUCTION, "1s"), (DEMO, "1s")):
        document = YAML(typ="safe").load(render(profile))
        for group in document["groups"]:
            for rule in group["rules"]:
                if rule.get("labels", {}).get("severity") == "P0":
                    assert group["interval"] == interval


def test_an_alert_group_has_one_rule_a_priority():
    priorities = [
        (rule.alert_group, rule.group_priority)
        for rule in ALERTS
        if rule.alert_group in {"cpu", "memory", "disk", "api-errors", "api-latency"}
    ]
    assert len(priorities) == len(set(priorities))


def test_the_higher_priority_never_has_the_lesser_severity():
    for one in ALERTS:
        for other in ALERTS:
            if one.alert_group == other.alert_group and one.group_priority > other.group_priority:
                assert not other.severity.outranks(one.severity), (one.id, other.id)


def test_an_operator_changes_limits_and_leaves_rules_out():
    config = RulesConfig(disable=("CpuUse60",), thresholds={"CpuHigh": 0.9, "DataSyncDelayed": 30})
    found = rules(DEMO, config)
    assert "CpuUse60" not in found
    assert "> 0.9" in found["CpuHigh"]["expr"]
    assert found["CpuHigh"]["annotations"]["summary"].endswith("the threshold is 90%.")
    assert "> 30" in found["DataSyncDelayed"]["expr"]


@pytest.mark.parametrize("config", [{"disable": ["CpuHihg"]}, {"thresholds": {"CpuHihg": 1}}])
def test_a_rule_that_is_not_there_is_an_error_with_a_hint(config):
    with pytest.raises(UnknownRuleError, match="CpuHigh"):
        render(PRODUCTION, RulesConfig(**config))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_threshold_that_no_value_passes_or_each_does_is_refused(number):
    with pytest.raises(ValidationError, match="finite"):
        RulesConfig(thresholds={"CpuHigh": float(number)})


def test_an_unknown_key_is_an_error():
    with pytest.raises(ValidationError):
        RulesConfig(threshold={"CpuHigh": 1})


def test_prometheus_writes_the_summary_as_meant(tmp_path):
    (rule,) = (rule for rule in ALERTS if rule.id == "DiskAlmostFull")
    (tmp_path / "r.yml").write_text(
        render_rules(PRODUCTION, alerts=[rule], recordings=RECORDING_RULES)
    )
    (tmp_path / "t.yml").write_text(TEMPLATE_TEST % rule.description)
    result = promtool.run([tmp_path / "t.yml"])
    assert result.returncode == 0, result.stdout


DISK = 'host="dex-1",fstype="ext4",mountpoint="/"'
TEMPLATE_TEST = (
    """
rule_files: [r.yml]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
      - {series: 'node_filesystem_avail_bytes{DISK}', values: '73x20'}
      - {series: 'node_filesystem_size_bytes{DISK}', values: '1000x20'}
    alert_rule_test:
      - eval_time: 8m
        alertname: DiskAlmostFull
        exp_alerts:
          - exp_labels:
              severity: P1
              component: hosts
              team: platform
              alert_group: disk
              group_priority: "5"
              host: dex-1
              mountpoint: /
            exp_annotations:
              summary: The disk of dex-1 at / is 92.7%% full; the threshold is 90%%.
              description: "%s"
              runbook_url: /runbooks/DiskAlmostFull
              query: host:disk_used:ratio{alerting!="off"}
              unit: ratio
              threshold: "0.9"
              operator: ">"
              for_seconds: "120"
"""
).replace("{DISK}", f"{{{DISK}}}")


def test_no_summary_keeps_a_placeholder():
    for rule in ALERTS:
        text = summary(rule)
        assert "{value}" not in text
        assert "{threshold}" not in text


@pytest.mark.parametrize(("profile", "hour"), [(PRODUCTION, "1 h"), (DEMO, "35 s")])
def test_a_text_names_the_window_that_the_expression_has(profile, hour):
    annotations = rules(profile)["SystemAvailabilityLow"]["annotations"]
    assert f"of what was seen of the last {hour}; the promise is" in annotations["summary"]
    for rule_id, rule in rules(profile).items():
        for name in ("summary", "description"):
            assert not re.search(r"\{\d+[mhd]\}", rule["annotations"][name]), rule_id
