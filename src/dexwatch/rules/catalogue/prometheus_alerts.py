"""Prometheus: is what it collects, evaluates and hands over complete?"""

from functools import partial

from dexwatch.metrics import prometheus
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Metric, Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import gained, latest
from dexwatch.metrics.scrape_class import STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Expression, Runbook

LOOK_AT_LOGS = Runbook(
    meaning="The monitoring works in part; silence is not to be trusted.",
    check=(
        "Read logs/prometheus.log and logs/alertmanager.log in dexwatch's folder.",
        "Run dexwatch check and dexwatch doctor.",
        "See whether disk or memory of the monitoring host is short.",
    ),
    fix=(
        "Correct what check reports, then reload.",
        "Restart the daemon when it does not recover by itself.",
    ),
    escalate="Call the monitoring team: until this is mended alerts may be missing.",
)


prometheus_rule = partial(
    AlertRule,
    component=Component.MONITORING,
    team="monitoring",
    keep_firing_seconds=180,
    runbook=LOOK_AT_LOGS,
    requirements=("U-DAILY", "C-PROMETHEUS"),
)


def _gained(metric: Metric, *, by: str = "instance", seconds: float) -> Expression:
    return gained(metric, by=by, seconds=seconds, scrape_class=STANDARD)


def _gained_of(*metrics: Metric, seconds: float) -> Expression:
    # A sum of several counts; Prometheus shows each from its start on, so none is ever missing.
    counts = [_gained(metric, seconds=seconds) for metric in metrics]
    return lambda p: " + ".join(count(p) for count in counts)


def _after_the_start(profile: EvaluationProfile) -> str:
    """Ask for a drop in a window that begins a minute after the start, in every profile."""
    window = profile.window(120, STANDARD)
    age = 60 + profile.window_seconds(120, STANDARD)
    return (
        f"and on (instance) (increase({prometheus.notifications_dropped}[{window}]) > 0"
        f" and time() - {prometheus.process_start} > {age:g})"
    )


def _taken_back(profile: EvaluationProfile) -> str:
    # By how much an older process answered after a newer one; a restart only goes forward.
    start, window = prometheus.process_start, profile.window(300, STANDARD)
    before = f"max_over_time({start}[{window}] offset {window})"
    return f"max by (job, instance) ({before} - min_over_time({start}[{window}]))"


P1, P2 = Severity.P1, Severity.P2

STACK_ALERTS = (
    prometheus_rule(
        id="PrometheusConfigBad",
        alert_group="stack-prometheusconfigbad",
        value=lambda p: latest(p, str(prometheus.config_ok), scrape_class=STANDARD),
        severity=P1,
        operator="<",
        threshold=1,
        unit=Unit.BOOLEAN,
        for_seconds=60,
        why="A reload is done in a second; a minute leaves time to put a mistake right.",
        summary="Prometheus at {{ $labels.instance }} refused its new configuration.",
        description="It goes on with the old one: new targets and rules are not in force.",
    ),
    prometheus_rule(
        id="PrometheusRulesFailing",
        alert_group="stack-prometheusrulesfailing",
        value=_gained(prometheus.rule_failures, by="instance, rule_group", seconds=300),
        severity=P1,
        threshold=0,
        why="A rule that cannot be evaluated can never fire; the window itself is the hold.",
        summary="{value} evaluations failed in {{ $labels.rule_group }} within {5m}.",
        description="Rules of this group are blind.",
    ),
    prometheus_rule(
        id="PrometheusRulesMissed",
        alert_group="stack-prometheusrulesmissed",
        value=_gained(prometheus.rule_iterations_missed, by="instance, rule_group", seconds=600),
        severity=P2,
        threshold=2,
        why="One is missed when the machine pauses; three within ten minutes are overload.",
        summary=(
            "Prometheus skipped {value} evaluations of {{ $labels.rule_group }} within {10m};"
            " threshold {threshold}."
        ),
        description="The group takes longer than its interval, so alerts come late.",
    ),
    prometheus_rule(
        id="PrometheusNotConnectedToAlertmanager",
        alert_group="stack-prometheusnotconnectedtoalertmanager",
        value=lambda p: f"max_over_time({prometheus.alertmanagers}[{p.window(300, STANDARD)}])",
        severity=P1,
        operator="<",
        threshold=1,
        for_seconds=60,
        why="Five minutes without any receiver outlast every restart.",
        summary="Prometheus at {{ $labels.instance }} knows no Alertmanager.",
        description="Alerts are found and told to nobody.",
    ),
    prometheus_rule(
        id="PrometheusAlertsDropped",
        alert_group="stack-prometheusalertsdropped",
        value=_gained(prometheus.notifications_dropped, seconds=300),
        severity=P1,
        threshold=0,
        condition=_after_the_start,
        why=(
            "Each dropped alert is one that nobody hears of. In the first seconds after its start"
            " Prometheus knows no Alertmanager; it sends again what it dropped then and still"
            " fires, so drops count once it has run for a minute."
        ),
        summary="Prometheus at {{ $labels.instance }} dropped {value} alerts.",
        description="They could not be handed to any Alertmanager.",
    ),
    prometheus_rule(
        id="PrometheusSendsFailing",
        alert_group="stack-prometheussendsfailing",
        value=_gained(prometheus.notification_errors, by="instance, alertmanager", seconds=600),
        severity=P2,
        threshold=5,
        why="A restart of Alertmanager costs a few; more within ten minutes is a broken way.",
        summary="Handing alerts to {{ $labels.alertmanager }} failed {value} times.",
        description=(
            "Another Alertmanager may have taken them: until it is mended one failure more loses"
            " alerts."
        ),
    ),
    prometheus_rule(
        id="PrometheusTargetsNotTaken",
        alert_group="stack-prometheustargetsnottaken",
        value=_gained_of(
            prometheus.scrape_pools_failed, prometheus.scrape_pool_reloads_failed, seconds=900
        ),
        severity=P1,
        threshold=0,
        why="A job is set up or not at all; nothing tries again before the next reload.",
        summary="Prometheus at {{ $labels.instance }} could not set up {value} scrape jobs.",
        description=(
            "None of their targets is scraped, and they are not in the list of targets either: no"
            " other alert tells it. Certificates or password files of the job may be unreadable."
        ),
    ),
    prometheus_rule(
        id="PrometheusQueueFull",
        alert_group="stack-prometheusqueuefull",
        value=lambda p: (
            f"max_over_time({prometheus.notification_queue}[{p.window(300, STANDARD)}])"
            f" / {prometheus.notification_queue_max}"
        ),
        severity=P2,
        threshold=0.8,
        unit=Unit.RATIO,
        for_seconds=60,
        why="The queue empties within seconds as long as Alertmanager answers.",
        summary="The queue of alerts is {value} full; the threshold is {threshold}.",
        description="Alertmanager takes alerts more slowly than they come.",
    ),
    prometheus_rule(
        id="PrometheusNotIngesting",
        alert_group="stack-prometheusnotingesting",
        value=lambda p: (
            f"sum by (instance) (rate({prometheus.samples_appended}[{p.window(300, STANDARD)}]))"
        ),
        severity=P1,
        operator="<=",
        threshold=0,
        for_seconds=60,
        unit=Unit.PER_SECOND,
        why="It scrapes at least itself; nothing for five minutes cannot be idleness.",
        summary="Prometheus at {{ $labels.instance }} stores no samples.",
        description="All rules run on old data.",
    ),
    prometheus_rule(
        id="PrometheusStorageFailing",
        alert_group="stack-prometheusstoragefailing",
        value=_gained_of(
            prometheus.compaction_failures,
            prometheus.reload_failures,
            prometheus.wal_corruptions,
            prometheus.wal_write_failures,
            prometheus.checkpoint_failures,
            prometheus.head_truncation_failures,
            seconds=10_800,
        ),
        severity=P2,
        threshold=0,
        why="Compactions happen every two hours, so the window must be longer than that.",
        summary="The storage of Prometheus at {{ $labels.instance }} failed {value} times.",
        description="Compaction, reload or the write-ahead log is damaged, or the disk is full.",
    ),
    prometheus_rule(
        id="PrometheusSamplesRefused",
        alert_group="stack-prometheussamplesrefused",
        value=_gained_of(
            prometheus.duplicate_timestamps,
            prometheus.out_of_order,
            prometheus.out_of_bounds,
            seconds=600,
        ),
        severity=P2,
        threshold=10,
        for_seconds=600,
        why="A restart brings a handful; for ten minutes more it is two targets with one name.",
        summary="{value} samples were refused within {10m}; the threshold is {threshold}.",
        description="Two sources write the same series, or a clock goes backwards.",
    ),
    prometheus_rule(
        id="PrometheusScrapeLimitHit",
        alert_group="stack-prometheusscrapelimithit",
        value=_gained_of(
            prometheus.sample_limit_hits,
            prometheus.target_limit_hits,
            prometheus.body_limit_hits,
            prometheus.label_limit_hits,
            seconds=600,
        ),
        severity=P2,
        threshold=0,
        why="A refused scrape leaves the whole target dark.",
        summary="{value} scrapes were refused: too many samples, targets or labels, or too large.",
        description="A target grew beyond its bound; its metrics are missing altogether.",
    ),
    prometheus_rule(
        id="WorkersNotAggregated",
        alert_group="workers-not-aggregated",
        value=_taken_back,
        severity=P2,
        threshold=0,
        unit=Unit.SECONDS,
        for_seconds=900,
        why=(
            "A restart never takes the start time back; a move to another host, or a clock that is"
            " put back, does so once and is seen for ten minutes, which the hold outlasts."
        ),
        summary=(
            "Scrapes of {{ $labels.instance }} reach several processes, now one and now another"
            " that is {value} older."
        ),
        description=(
            "Each tells its own counters, so that rates and error shares of this target are wrong."
        ),
        runbook=Runbook(
            meaning="What this target counts is not to be trusted, neither alerts nor their lack.",
            check=(
                "See how many worker processes serve there (--workers, WEB_CONCURRENCY).",
                "See whether the target's address is a load balancer before several hosts.",
            ),
            fix=(
                "Name an empty folder in PROMETHEUS_MULTIPROC_DIR and restart the service.",
                "Scrape each host by its own address.",
            ),
            escalate="Call the team of this service.",
        ),
        requirements=("U-DAILY", "C-CUSTOM-EXP"),
    ),
)
