"""Which alerts Alertmanager is told to hold back: every priority of a group inhibits the lower."""

import dataclasses

import yaml
from pydantic import SecretStr

from dexwatch.daemons.programs.alertmanager import Webhook, alertmanager_files
from dexwatch.metrics.identity import IDENTITY_LABELS
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.registry import ALERTS

WEBHOOK = Webhook("http://127.0.0.1:1/hooks/alertmanager", SecretStr("x" * 20))


def inhibitions(alerts=ALERTS):
    main, _ = alertmanager_files(profile=PRODUCTION, webhook=WEBHOOK, alerts=alerts)
    return yaml.safe_load(main.content)["inhibit_rules"]


def test_however_many_rules_a_group_has_the_highest_is_delivered():
    deep = [dataclasses.replace(ALERTS[0], group_priority=n) for n in range(1, 10)]
    within = {
        matcher: rule["target_matchers"]
        for rule in inhibitions(deep)
        for matcher in rule["source_matchers"]
        if matcher.startswith("group_priority=") and 'severity="P1"' in rule["source_matchers"]
    }
    assert sorted(within) == [f'group_priority="{n}"' for n in range(2, 10)]
    assert 'group_priority=~"1|2|3|4|5|6|7|8"' in within['group_priority="9"']


def test_one_thing_never_hides_another():
    for rule in inhibitions():
        if any("alert_group!=" in matcher for matcher in rule["source_matchers"]):
            assert set(rule["equal"]) == {"alert_group", *IDENTITY_LABELS}
