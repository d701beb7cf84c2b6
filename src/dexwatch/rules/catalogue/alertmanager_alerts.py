"""Alertmanager: does it take alerts and deliver them?"""

from functools import partial

from dexwatch.metrics import prometheus
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import gained, latest
from dexwatch.metrics.scrape_class import STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.catalogue.prometheus_alerts import prometheus_rule

alertmanager_rule = partial(prometheus_rule, requirements=("U-DAILY", "C-ALERTMANAGER"))

ALERTMANAGER_ALERTS = (
    alertmanager_rule(
        id="AlertmanagerConfigBad",
        alert_group="stack-alertmanagerconfigbad",
        value=lambda p: latest(p, str(prometheus.alertmanager_config_ok), scrape_class=STANDARD),
        severity=Severity.P1,
        operator="<",
        threshold=1,
        unit=Unit.BOOLEAN,
        for_seconds=60,
        why="A reload is done in a second; a minute leaves time to put a mistake right.",
        summary="Alertmanager at {{ $labels.instance }} refused its new configuration.",
        description="It goes on with the old routes.",
    ),
    alertmanager_rule(
        id="AlertmanagerNotificationsFailing",
        alert_group="stack-alertmanagernotificationsfailing",
        value=gained(
            prometheus.alertmanager_failures,
            by="instance, integration",
            seconds=300,
            scrape_class=STANDARD,
        ),
        severity=Severity.P1,
        threshold=2,
        why="It tries again by itself; three failures within five minutes are no hiccup.",
        summary="Alertmanager failed {value} times to deliver by {{ $labels.integration }}.",
        description="Alerts are found, and the way to the incidents is broken.",
    ),
    alertmanager_rule(
        id="AlertmanagerAlertsInvalid",
        alert_group="stack-alertmanageralertsinvalid",
        value=gained(
            prometheus.alertmanager_invalid, by="instance", seconds=600, scrape_class=STANDARD
        ),
        severity=Severity.P2,
        threshold=0,
        why="A valid sender never sends an invalid alert.",
        summary="Alertmanager at {{ $labels.instance }} refused {value} alerts as invalid.",
        description="A rule or sender makes alerts that cannot be read.",
    ),
)
