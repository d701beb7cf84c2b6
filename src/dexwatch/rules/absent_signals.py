"""The alert that says which critical alert cannot see: a blind P0 is a P1."""

from collections.abc import Iterable

from dexwatch.metrics import prometheus
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.severity import Severity
from dexwatch.rules.arming import STATES, signals
from dexwatch.rules.rule import AlertRule, Runbook

LOST_SECONDS = 120
"""The same in every profile: stopping a server for a moment is no loss of sight."""
KNOWN_SECONDS = 6 * 3600
"""What was there within so long is expected; longer would cost more than it tells."""
_OF_SCRAPING = {prometheus.up.name, prometheus.scrape_seconds.name}


def critical_signal_lost(alerts: Iterable[AlertRule]) -> AlertRule:
    """Return the rule that watches over the series behind every P0 of `alerts`."""
    critical = signals(rule for rule in alerts if rule.severity is Severity.P0)
    watched = [each for each in critical if each.partition("{")[0] not in _OF_SCRAPING]
    return AlertRule(
        id="CriticalSignalLost",
        severity=Severity.P1,
        component=Component.MONITORING,
        alert_group="critical-signal",
        value=lambda _: "\nor ".join(map(_lost, watched)),
        graph=lambda _: f"min by (job) ({prometheus.up})",
        unit=Unit.BOOLEAN,
        why=(
            "The window of two minutes outlasts a restart, and it is the hold. A state must be told"
            " by each instance that told it within six hours. Counters begin with the first event,"
            " so they count as lost only where a process that told them is down as well."
        ),
        summary="A critical alert is blind: {{ $labels.signal }} of {{ $labels.job }} is gone.",
        description="The metrics behind a P0 were there and are missing, so it could not fire.",
        runbook=Runbook(
            meaning="An outage would be told by nobody; take silence for unknown, not for good.",
            check=(
                "See under Targets of Prometheus whether the job is scraped, and its last error.",
                "See whether the exporter or the process runs, and what its log says last.",
                "Look at the platform itself meanwhile: does it trade?",
            ),
            fix=(
                "Start or repair what should expose the metrics.",
                "Roll back the deployment that removed them.",
                "Remove the target from dexwatch.yml if it is gone for good.",
            ),
            escalate="Call the monitoring team when it is not back after fifteen minutes.",
        ),
        requirements=("U-DAILY",),
    )


def _lost(selector: str) -> str:
    name = selector.partition("{")[0]
    known, fresh = _present(selector, KNOWN_SECONDS), _present(selector, LOST_SECONDS)
    if name in STATES:
        # A target that was taken out of the configuration has no `up` and is missed by nobody.
        gone = (
            f"group by (job, instance) ({known}) unless group by (job, instance) ({fresh})"
            f" and on (job, instance) {prometheus.up}"
        )
    else:
        down = f"max_over_time({prometheus.up}[{LOST_SECONDS}s]) == 0"
        gone = (
            f"group by (job) ({known}) unless group by (job) ({fresh})"
            f" and on (job) group by (job) ({known} and on (job, instance) ({down}))"
        )
    return f'label_replace({gone}, "signal", "{name}", "", "")'


def _present(selector: str, seconds: int) -> str:
    return f"present_over_time({selector}[{seconds}s])"
