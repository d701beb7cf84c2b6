"""The monitoring watches itself: targets, collectors, daemons, settings, dead man's signal."""

from functools import partial

from dexwatch.metrics import own, prometheus
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import gained, latest, latest_of
from dexwatch.metrics.scrape_class import CRITICAL, HIGH, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

dexwatch_rule = partial(AlertRule, component=Component.MONITORING)
dexwatch_state = partial(state_rule, component=Component.MONITORING)

WATCHDOG = dexwatch_rule(
    id="Watchdog",
    severity=Severity.P3,
    alert_group="watchdog",
    scrape_class=CRITICAL,
    routed=False,
    value=lambda _: "vector(1)",
    unit=Unit.BOOLEAN,
    keep_firing_seconds=0,
    why="It must always fire: whoever expects it learns from its absence that we are dead.",
    summary="The way from Prometheus through Alertmanager works.",
    description=(
        "Always firing, and told to nobody. The respond role awaits it and pages P0"
        " (WatchdogMissing) when it is missing; let a service outside await it, too."
    ),
    runbook=Runbook(
        meaning=(
            "All is well while it is there. While it is missing, no rule is evaluated or no alert"
            " is told: no other page can come, and alerts that fired before stay open unseen."
        ),
        check=(
            "Run dexwatch status: it names what does not answer.",
            "Read logs/prometheus.log and logs/alertmanager.log in dexwatch's folder.",
            "See whether the disk is full or memory has run out.",
            "Alertmanager runs, but the signal does not come: compare respond.hook_token.",
        ),
        fix=(
            "Start what does not run, or restart dexwatch: its state is kept.",
            "Until it is back, watch the platform itself: its API, its nodes, its contracts.",
            "It resolves by itself; what really ended meanwhile resolves some minutes later.",
        ),
        escalate="Call the monitoring team at once, and tell all who are on call.",
    ),
    requirements=("U-DEADMAN",),
)
TARGET_DOWN = dexwatch_state(
    id="TargetDown",
    severity=Severity.P2,
    alert_group="target",
    value=lambda p: latest(p, prometheus.up.where('alerting!="off"'), scrape_class=STANDARD),
    for_seconds=60,
    why="A restart takes less than a minute; after that we are blind on this target.",
    summary="{{ $labels.instance }} ({{ $labels.job }}) cannot be scraped.",
    description="Its metrics are missing, and rules on them say nothing.",
    runbook=Runbook(
        meaning="Silence of this target does not mean health.",
        check=("Open its /metrics yourself.", "See whether the process runs."),
        fix=("Start it.", "Correct address or port in dexwatch.yml.", "Remove it if it is gone."),
        escalate="Tell the owner of the target.",
    ),
    requirements=("C-PROMETHEUS",),
)
COLLECTOR_FAILING = dexwatch_state(
    id="CollectorFailing",
    severity=Severity.P2,
    alert_group="collector",
    value=latest_of(own.collector_success, by="collector", scrape_class=STANDARD),
    for_seconds=120,
    why="Collectors run every few seconds; two minutes are many failures in a row.",
    summary="The collector {{ $labels.collector }} fails.",
    description="What it measures is missing or old.",
    runbook=Runbook(
        meaning="One part of the picture is missing; the rest goes on.",
        check=("Read the watch role's log for its error.", "See whether its source answers."),
        fix=("Repair the source.", "Correct the query or address in dexwatch.yml."),
        escalate="Tell the monitoring team within the day.",
    ),
    requirements=("C-CUSTOM-EXP",),
)
SERIES_DROPPED = dexwatch_rule(
    id="SeriesDropped",
    severity=Severity.P3,
    alert_group="cardinality",
    value=gained(own.series_dropped, by="collector", seconds=900, scrape_class=STANDARD),
    keep_firing_seconds=300,
    why="A bound that is met once will be met again; there is no hurry.",
    summary="{{ $labels.collector }} had to leave out {value} series.",
    description="The collector passed its bound of label values.",
    runbook=Runbook(
        meaning="The newest pools, contracts or users of labels are not shown.",
        check=("See which label grew.",),
        fix=("Configure fewer, or raise the bound with care for memory.",),
        escalate="Tell the monitoring team within the week.",
    ),
    requirements=("S-QUERY",),
)
DAEMON_DOWN = dexwatch_state(
    id="DaemonDown",
    severity=Severity.P1,
    alert_group="daemon",
    scrape_class=HIGH,
    value=latest_of(own.daemon_up, by="daemon", scrape_class=HIGH),
    for_seconds=30,
    why="The supervisor restarts it within seconds; half a minute means that it cannot.",
    summary="The program {{ $labels.daemon }} does not run, and restarting does not help.",
    description="A supervised program is not ready.",
    runbook=Runbook(
        meaning="A part of the monitoring is dead.",
        check=("Read logs/<name>.log in dexwatch's folder.", "Run dexwatch doctor."),
        fix=("Free the port or install what is missing, as doctor says.",),
        escalate="Call the monitoring team.",
    ),
    requirements=("U-DAILY",),
)
SUPERVISION_FAILING = dexwatch_rule(
    id="SupervisionFailing",
    severity=Severity.P2,
    alert_group="supervision",
    scrape_class=HIGH,
    value=gained(own.daemon_supervision_failures, by="daemon", seconds=900),
    keep_firing_seconds=600,
    why="It never fails in health, so the first failure within a quarter of an hour is told.",
    summary="Watching over {{ $labels.daemon }} failed {value} times, and began anew.",
    description="The supervisor met an error that it does not know; the program may run on alone.",
    runbook=Runbook(
        meaning="If the program ends now, it may be started again late or not at all.",
        check=(
            "Read the error in the log of dexwatch up, at `daemon.supervision_failed`.",
            "See in dexwatch status whether the program runs.",
            "See whether disk, memory or file handles of this host ran out.",
        ),
        fix=("Free what ran out.", "Restart dexwatch up when it fails again."),
        escalate="Send the log to the monitoring team within the day.",
    ),
    requirements=("U-DAILY",),
)
CONFIG_REFUSED = dexwatch_state(
    id="DexwatchConfigBad",
    severity=Severity.P2,
    alert_group="own-config",
    scrape_class=HIGH,
    value=latest_of(own.config_reload_successful, scrape_class=HIGH),
    for_seconds=60,
    keep_firing_seconds=60,
    why="A refused reload stays refused until somebody mends it; a minute is for a second try.",
    summary="The last reload of dexwatch.yml was refused; the former settings stay in use.",
    description="What was changed since then is not in force, and a restart would fail.",
    runbook=Runbook(
        meaning="Thresholds, people and endpoints are not those that the file says.",
        check=("Run dexwatch check: it names each fault and its place.",),
        fix=("Correct dexwatch.yml, or take the change back, and reload.",),
        escalate="Ask whoever changed the file last.",
    ),
    requirements=("U-DAILY",),
)

OWN_ALERTS = declared(AlertRule, globals())
