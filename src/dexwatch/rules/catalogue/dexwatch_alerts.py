"""The monitoring watches itself: targets, collectors, daemons, pages, and the dead man's signal."""

from dexwatch.metrics import own, prometheus
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import latest
from dexwatch.metrics.scrape_class import HIGH, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook

REFUSED = own.notifications.where('outcome!="delivered"')
BAD_HOOKS = own.hook_requests.where('outcome!="accepted"')

WATCHDOG = AlertRule(
    id="Watchdog",
    severity=Severity.P3,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="watchdog",
    routed=False,
    value=lambda _: "vector(1)",
    operator=">",
    threshold=0,
    unit=Unit.BOOLEAN,
    for_seconds=0,
    keep_firing_seconds=0,
    why="It must always fire: whoever expects it learns from its absence that we are dead.",
    summary="The way from Prometheus through Alertmanager works.",
    description="Always firing, and told to nobody: look for it in Alertmanager from outside.",
    runbook=Runbook(
        meaning="All is well while it is there.",
        check=("If it is missing, see whether Prometheus and Alertmanager run.",),
        fix=("Start what does not run.",),
        escalate="Whoever looks for it from outside and misses it calls the on-call engineer.",
    ),
    requirements=("U-DEADMAN",),
)
TARGET_DOWN = AlertRule(
    id="TargetDown",
    severity=Severity.P2,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="target",
    value=lambda p: latest(p, prometheus.up.where('alerting!="off"'), scrape_class=STANDARD),
    operator="<",
    threshold=1,
    unit=Unit.BOOLEAN,
    for_seconds=60,
    keep_firing_seconds=120,
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
COLLECTOR_FAILING = AlertRule(
    id="CollectorFailing",
    severity=Severity.P2,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="collector",
    value=lambda p: (
        f"max by (collector) ({latest(p, str(own.collector_success), scrape_class=STANDARD)})"
    ),
    operator="<",
    threshold=1,
    unit=Unit.BOOLEAN,
    for_seconds=120,
    keep_firing_seconds=120,
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
SERIES_DROPPED = AlertRule(
    id="SeriesDropped",
    severity=Severity.P3,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="cardinality",
    value=lambda p: (
        f"sum by (collector) (increase({own.series_dropped}[{p.window(900, STANDARD)}]))"
    ),
    operator=">",
    threshold=0,
    unit=Unit.COUNT,
    for_seconds=0,
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
DAEMON_DOWN = AlertRule(
    id="DaemonDown",
    severity=Severity.P1,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="daemon",
    scrape_class=HIGH,
    value=lambda p: f"max by (daemon) ({latest(p, str(own.daemon_up), scrape_class=HIGH)})",
    operator="<",
    threshold=1,
    unit=Unit.BOOLEAN,
    for_seconds=30,
    keep_firing_seconds=120,
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
AGENDA_OVERDUE = AlertRule(
    id="AgendaOverdue",
    severity=Severity.P1,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="agenda",
    scrape_class=HIGH,
    value=lambda p: f"max(min_over_time({own.jobs_overdue}[{p.window(120, HIGH)}]))",
    operator=">",
    threshold=0,
    unit=Unit.COUNT,
    for_seconds=60,
    keep_firing_seconds=120,
    why=(
        "Due work is taken within a second. The least of two minutes, for one more, is work that"
        " nobody takes, and a single page that waits so long is one too many."
    ),
    summary="{value} pieces of due work wait; the limit is {threshold}.",
    description="Pages, escalations and retries come late.",
    runbook=Runbook(
        meaning="People are not told in time.",
        check=("See whether the respond role runs.", "See whether its database answers."),
        fix=("Restart the respond role: the work is durable and goes on.",),
        escalate="Call the monitoring team; watch alerts in the console until then.",
    ),
    requirements=("U-DAILY",),
)
PAGES_FAILING = AlertRule(
    id="PagesFailing",
    severity=Severity.P1,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="pages",
    scrape_class=HIGH,
    value=lambda p: f"sum by (channel) (increase({REFUSED}[{p.window(600, HIGH)}]))",
    operator=">",
    threshold=2,
    unit=Unit.COUNT,
    for_seconds=0,
    keep_firing_seconds=300,
    why="A retry or two is normal for a network; three within ten minutes are a broken channel.",
    summary="{{ $labels.channel }} refused {value} messages within ten minutes.",
    description="Messages to people do not get through this channel.",
    runbook=Runbook(
        meaning="Who relies on this channel is not told.",
        check=("Read the outcome on the incident's timeline.", "Test the channel's credentials."),
        fix=("Renew the token or password.", "Correct address or channel name."),
        escalate="Tell the on-call engineer by another channel.",
    ),
    requirements=("U-DAILY", "R-SLA"),
)
HOOK_REFUSED = AlertRule(
    id="HookRefused",
    severity=Severity.P2,
    component=Component.MONITORING,
    team="monitoring",
    alert_group="hooks",
    scrape_class=HIGH,
    value=lambda p: f"sum by (hook, outcome) (increase({BAD_HOOKS}[{p.window(600, HIGH)}]))",
    operator=">",
    threshold=5,
    unit=Unit.COUNT,
    for_seconds=0,
    keep_firing_seconds=300,
    why="A scan knocks once or twice; more is a sender with the wrong token.",
    summary="The door {{ $labels.hook }} refused {value} requests ({{ $labels.outcome }}).",
    description="Requests at an inbound door were not accepted.",
    runbook=Runbook(
        meaning="Either alerts of a real sender are lost, or somebody tries to forge them.",
        check=("See which address sends.", "Compare the token of sender and receiver."),
        fix=("Set the same token on both sides.", "Block the address."),
        escalate="Tell the security team if the sender is unknown.",
    ),
    requirements=("U-DAILY",),
)

OWN_ALERTS = (
    WATCHDOG,
    TARGET_DOWN,
    COLLECTOR_FAILING,
    SERIES_DROPPED,
    DAEMON_DOWN,
    AGENDA_OVERDUE,
    PAGES_FAILING,
    HOOK_REFUSED,
)
