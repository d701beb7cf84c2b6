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
QUIET = 1200


def series_of(rule, values, quiet):
    """Return the first counter of a rule with these values, and what else it reads, unmoved."""
    names = list(dict.fromkeys(re.findall(r"increase\((\w+)", rule.value(PRODUCTION))))
    labels = "{" + LABELS.get(rule.id, 'instance="i"') + "}"
    others = {f"{name}{labels}": quiet for name in names[1:]}
    started = {f"process_start_time_seconds{labels}": "1*3600"}
    return {f"{names[0]}{labels}": values} | others | started


def moments(rule, first):
    """Return the moments of a quarter of an hour, beside the scrapes and on them."""
    step = promtool.scrape_seconds(rule)
    return [first + n * step + late for n in range(900 // step) for late in (0, step - 1)]


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
    for form, values in forms.items():
        for number in (allowed, allowed + 1):
            folder = tmp_path / f"{form}-{number}"
            folder.mkdir()
            fires = number > allowed
            firing = {QUIET + 3 * step + 1: 1} if fires else dict.fromkeys(moments(rule, QUIET), 0)
            series = series_of(rule, values(number), still)
            # Between two scrapes, where the ends of the window hold no sample.
            path = promtool.judge(rule, folder, series=series, firing=firing, evaluate_every="7s")
            result = promtool.run([path])
            assert result.returncode == 0, f"{form}, {number}: {result.stdout}{result.stderr}"


def test_no_rule_tells_a_fraction_as_a_count():
    fractions = re.compile(
        r"(?<!ceil\()avg_over_time|(?<!_)rate\(| / |quantile|(?<!floor\()increase\("
    )
    told = {r.id for r in ALERTS if r.unit in {Unit.COUNT, Unit.BLOCKS} and "{value}" in r.summary}
    assert not {r.id for r in ALERTS if r.id in told and fractions.search(r.value(PRODUCTION))}
