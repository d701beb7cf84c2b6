"""Each rule is shown as armed, blind or never armed, as the series behind it come and go."""

import subprocess

import promql_parser as promql
import pytest

from dexwatch.rules.arming import Arming, arming, presence_query, signals
from dexwatch.rules.registry import ALERTS
from tests.fakes import promtool

RULES = {rule.id: rule for rule in ALERTS}
EVERYTHING = frozenset(signals(ALERTS))
NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.id)
def test_with_all_its_series_a_rule_is_armed_and_without_any_it_never_was(rule):
    assert arming(rule, present=EVERYTHING, known=NOTHING) is Arming.ARMED
    if rule.id != "Watchdog":
        assert arming(rule, present=NOTHING, known=EVERYTHING) is Arming.BLIND
        assert arming(rule, present=NOTHING, known=NOTHING) is Arming.NEVER_ARMED


def test_one_of_two_sources_is_enough():
    rule = RULES["LoadBalancerDown"]
    assert arming(rule, present=frozenset({"nginx_up"}), known=NOTHING) is Arming.ARMED


def test_the_traffic_that_a_rule_asks_for_is_needed_too():
    rule = RULES["TradeFailuresHigh"]
    trades = frozenset({"platform_trades_total"})
    assert arming(rule, present=trades, known=NOTHING) is Arming.ARMED
    assert arming(rule, present=NOTHING, known=trades) is Arming.BLIND


def test_another_probe_arms_nothing():
    other = frozenset({'probe_success{class="external"}'})
    rule = RULES["ApiUptimeLow"]
    assert arming(rule, present=other, known=other) is Arming.NEVER_ARMED


def test_recorded_series_are_followed_to_what_they_are_made_of():
    rule = RULES["CpuHigh"]
    assert arming(rule, present=frozenset({"node_cpu_seconds_total"}), known=NOTHING) is (
        Arming.ARMED
    )


def test_one_query_tells_of_all_signals(tmp_path):
    query = presence_query(EVERYTHING, 900)
    promql.parse(query)
    rules = tmp_path / "r.yml"
    indented = query.replace("\n", "\n          ")
    rules.write_text(
        "groups:\n  - name: g\n    rules:\n      - record: a\n        expr: |\n"
        f"          {indented}\n"
    )
    checked = subprocess.run(
        [promtool.binary(), "check", "rules", str(rules)], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
