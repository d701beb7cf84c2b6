"""A rule "more than N events" fires from N + 1 on, not before: promtool judges at the edge."""

import re

import pytest

from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.registry import ALERTS
from tests.fakes import promtool

pytestmark = pytest.mark.slow

COUNTING = {
    rule.id: rule
    for rule in ALERTS
    if rule.unit is Unit.COUNT and "increase(" in rule.value(PRODUCTION) and not rule.for_seconds
}
LABELS = {
    "KilledForMemory": 'host="h"',
    "OutsidePingFailing": 'outcome="failed"',
    "PagesFailing": 'channel="slack",outcome="failed"',
    "ReceiverRefusing": 'receiver="grafana",outcome="unauthorized"',
    "ReceiverDroppingAlerts": 'receiver="grafana",outcome="in_part"',
    "ReorgDeep": 'depth="3"',
}
QUIET, WATCHED = 1200, 900
"""Seconds before the events, and after them."""


def series_of(rule, values, quiet):
    """Return the first counter of a rule with these values, and what else it reads, unmoved."""
    names = list(dict.fromkeys(re.findall(r"increase\((\w+)", rule.value(PRODUCTION))))
    labels = "{" + LABELS.get(rule.id, 'instance="i"') + "}"
    others = {f"{name}{labels}": quiet for name in names[1:]}
    started = {f"process_start_time_seconds{labels}": "1*3600"}
    return {f"{names[0]}{labels}": values} | others | started


@pytest.mark.parametrize("name", sorted(COUNTING))
def test_so_many_events_as_are_allowed_fire_nothing_and_one_more_does(tmp_path, name):
    rule = COUNTING[name]
    allowed, step = int(rule.threshold), promtool.scrape_seconds(rule)
    still = f"0*{3 * QUIET}"
    forms = {
        "old": lambda n: f"100*{QUIET} {100 + n}*{QUIET}",
        "young": lambda n: f"_*{QUIET} 0*{step} {n}*{QUIET}",
        "restarted": lambda n: f"100*{QUIET} {100 + allowed}*{step} {n - allowed}*{QUIET}",
    }
    stories = [
        promtool.Story(
            f"{form}, {number}",
            series_of(rule, values(number), still),
            {QUIET + 3 * step + 1: 1} if number > allowed else {QUIET + WATCHED: 0},
            within=WATCHED,
        )
        for form, values in forms.items()
        for number in (allowed, allowed + 1)
    ]
    # Between two scrapes, where the ends of the window hold no sample.
    path = promtool.judge_all(rule, tmp_path, stories, evaluate_every="7s")
    result = promtool.run([path])
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_rule_tells_a_fraction_as_a_count():
    fractions = re.compile(
        r"(?<!ceil\()avg_over_time|(?<!_)rate\(| / |quantile|(?<!floor\()increase\("
    )
    told = {r.id for r in ALERTS if r.unit in {Unit.COUNT, Unit.BLOCKS} and "{value}" in r.summary}
    assert not {r.id for r in ALERTS if r.id in told and fractions.search(r.value(PRODUCTION))}
