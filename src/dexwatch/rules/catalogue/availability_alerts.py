"""Is the platform there at all: public addresses, load balancer, its upstreams, certificates."""

from dexwatch.metrics import nginx, probes
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import latest, seen_down
from dexwatch.metrics.scrape_class import CRITICAL, HISTORICAL, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

API = probes.success.where('class="api"')
BALANCER = probes.success.where('class="lb"')
UPSTREAM = probes.success.where('class="upstream"')
EXTERNAL = probes.success.where('class="external"')
CONNECT = probes.http_seconds.where('phase="connect"')
ROUND_TRIP = probes.icmp_seconds.where('phase="rtt"')


def _failed_twice(profile: EvaluationProfile) -> str:
    window, recent = profile.window(600, CRITICAL), profile.window(60, CRITICAL)
    return (
        f"and count_over_time({API}[{window}]) - sum_over_time({API}[{window}]) >= 2\n"
        f"and min_over_time({API}[{recent}]) < 1"
    )


def _third_look(profile: EvaluationProfile) -> str:
    up, window = recorded.system_up, profile.window(3600, CRITICAL)
    # The state is recorded several times for each probe, so one failed probe counts several times.
    each = profile.scrape_ms(CRITICAL) / profile.record_ms(CRITICAL)
    return (
        f"and count_over_time({up}[{window}]) - sum_over_time({up}[{window}]) > {2.5 * each:g}\n"
        f"and {up} < 1"
    )


API_UPTIME_LOW = AlertRule(
    id="ApiUptimeLow",
    severity=Severity.P0,
    component=Component.API,
    alert_group="api-uptime",
    inhibits="availability",
    scrape_class=CRITICAL,
    keep_firing_seconds=180,
    value=lambda p: f"avg_over_time({API}[{p.window(600, CRITICAL)}])",
    operator="<",
    threshold=0.99,
    unit=Unit.RATIO,
    condition=_failed_twice,
    why=(
        "Ten minutes hold 120 probes, so the second failed one breaks the 99%; a single failure"
        " never pages. It ends when a whole minute was good, kept three more to bridge flapping."
    ),
    summary=(
        "The API at {{ $labels.instance }} answered {value} of the probes; the threshold is"
        " {threshold}."
    ),
    description="Probes through the public address fail: users cannot reach the exchange.",
    runbook=Runbook(
        meaning="People who open the exchange get errors or nothing.",
        check=(
            "Open the probed address yourself and note the status.",
            "Look at the load balancer and its upstreams on the Infrastructure board.",
            "Look for a deployment or configuration change in the last half hour.",
        ),
        fix=(
            "Restart or roll back the API if it was changed.",
            "Take a broken upstream out of the load balancer.",
            "If a dependency is down, follow the runbook of its own alert first.",
        ),
        escalate="Call the engineering lead if no cause is known after ten minutes.",
    ),
    requirements=("A-P0-API-UPTIME",),
)

SYSTEM_AVAILABILITY_LOW = AlertRule(
    id="SystemAvailabilityLow",
    severity=Severity.P0,
    component=Component.API,
    alert_group="availability",
    scrape_class=CRITICAL,
    keep_firing_seconds=60,
    value=lambda p: f"avg_over_time({recorded.system_up}[{p.window(3600, CRITICAL)}])",
    operator="<",
    threshold=0.999,
    unit=Unit.RATIO,
    condition=_third_look,
    why=(
        "One hour of 720 probes: 99.9% are lost with the first, so a third is waited for."
        " The part that failed has its own alert, which silences this one while it fires and is"
        " kept for longer, so that nobody is woken by this one when the part is mended."
    ),
    summary=(
        "All essential parts were up together for {value} of what was seen of the last {1h};"
        " the promise is {threshold}."
    ),
    description=(
        "API, load balancer, database and cache were not all reachable at the same time."
        " The promise of 99.9% is broken."
    ),
    runbook=Runbook(
        meaning="At least one essential part of the platform comes and goes, or is down.",
        check=(
            "See on System Overview which part is red.",
            "See whether several parts share a host or a network.",
        ),
        fix=("Follow the runbook of the part that is down.", "Move parts off an unhealthy host."),
        escalate="Call the engineering lead when more than one part is affected.",
    ),
    requirements=("A-P0-AVAIL-999",),
)

LOAD_BALANCER_DOWN = state_rule(
    id="LoadBalancerDown",
    severity=Severity.P0,
    component=Component.LOAD_BALANCER,
    alert_group="load-balancer",
    inhibits="availability",
    group_priority=2,
    scrape_class=CRITICAL,
    keep_firing_seconds=180,
    value=lambda p: f"({seen_down(p, str(nginx.up))}) or ({seen_down(p, BALANCER)})",
    why=(
        "Two scrapes or probes failed to reach the balancer: no reload takes so"
        " long, and more seconds would cost trades. Keeping it firing bridges flapping."
    ),
    summary="The load balancer at {{ $labels.instance }} does not answer; no traffic gets in.",
    description="The status page or the probe of the load balancer does not answer.",
    runbook=Runbook(
        meaning="Nothing reaches the platform through this balancer.",
        check=(
            "Ask the balancer's host whether the process runs and which ports it holds.",
            "Test its configuration (nginx -t) and read its error log.",
        ),
        fix=(
            "Start it again, or roll its configuration back.",
            "Point the address at the spare balancer.",
        ),
        escalate="Call the engineering lead and the network provider after ten minutes.",
    ),
    requirements=("A-P0-LB-DOWN",),
)

LOAD_BALANCER_UPSTREAM_DOWN = state_rule(
    id="LoadBalancerUpstreamDown",
    severity=Severity.P1,
    component=Component.LOAD_BALANCER,
    alert_group="load-balancer",
    scrape_class=CRITICAL,
    value=lambda p: latest(p, UPSTREAM),
    for_seconds=15,
    why="Three failed probes in a row; a restart of one upstream during a deployment is shorter.",
    summary="The upstream {{ $labels.instance }} of the load balancer does not answer.",
    description="The balancer still serves through the others, with less reserve.",
    runbook=Runbook(
        meaning="One of the servers behind the balancer is gone; the next failure is an outage.",
        check=(
            "See whether the process on the upstream runs and what its log says last.",
            "See whether the others carry the load: latency and errors.",
        ),
        fix=("Restart the upstream.", "Take it out of the balancer until it is healthy."),
        escalate="Call the platform team's lead if a second upstream weakens.",
    ),
    requirements=("M-LB",),
)

EXTERNAL_PROBE_FAILED = state_rule(
    id="ExternalServiceDown",
    severity=Severity.P2,
    component=Component.JOBS,
    alert_group="external-service",
    value=lambda p: latest(p, EXTERNAL, scrape_class=STANDARD),
    for_seconds=120,
    keep_firing_seconds=300,
    why="Others' services blink; two minutes keep short trouble of theirs away from our people.",
    summary="The external service {{ $labels.instance }} does not answer.",
    description="A service of somebody else, which the platform relies on, fails its probe.",
    runbook=Runbook(
        meaning="What we get from this service is missing or old.",
        check=("Read the provider's status page.", "Probe it from another network."),
        fix=("Switch to the other provider where there is one.", "Tell users what is missing."),
        escalate="Open a ticket with the provider.",
    ),
    requirements=("C-BLACKBOX-EXP",),
)

NETWORK_LATENCY_HIGH = AlertRule(
    id="NetworkLatencyHigh",
    severity=Severity.P2,
    component=Component.HOSTS,
    alert_group="network-latency",
    value=lambda p: (
        f"avg_over_time({CONNECT}[{p.window(300, STANDARD)}])"
        f" or avg_over_time({ROUND_TRIP}[{p.window(300, STANDARD)}])"
    ),
    threshold=0.1,
    unit=Unit.SECONDS,
    for_seconds=120,
    keep_firing_seconds=300,
    why="The average of five minutes forgives single retransmissions; the hold a busy moment.",
    summary=(
        "Connecting to {{ $labels.instance }} takes {value} on average;"
        " the threshold is {threshold}."
    ),
    description="TCP connection or echo time, without the work of the server.",
    runbook=Runbook(
        meaning="The way over the network has become longer or loses packets.",
        check=(
            "Compare with the other probes: one target or all?",
            "Trace the route and look for loss.",
            "Look at bandwidth, errors and drops of the host's interfaces.",
        ),
        fix=("Use a nearer endpoint.", "Ask the provider about the route."),
        escalate="Tell the platform team's lead when users are slowed down.",
    ),
    requirements=("A-P2-NETLAT",),
)


def _certificate(rule_id: str, severity: Severity, days: int, group_priority: int) -> AlertRule:
    return AlertRule(
        id=rule_id,
        severity=severity,
        component=Component.LOAD_BALANCER,
        alert_group="certificate",
        group_priority=group_priority,
        scrape_class=HISTORICAL,
        value=lambda _: f"{probes.certificate_expiry} - time()",
        operator="<",
        threshold=days * 86_400,
        unit=Unit.SECONDS,
        for_seconds=600,
        keep_firing_seconds=600,
        why="The time left shrinks slowly; ten minutes rule out a probe of the wrong server.",
        summary="The certificate of {{ $labels.instance }} expires in {value}.",
        description=f"Less than {days} days are left before browsers refuse the site.",
        runbook=Runbook(
            meaning="After that moment users get a warning instead of the exchange.",
            check=("See why the automatic renewal did not run.", "See which names it covers."),
            fix=("Renew the certificate and reload the balancer.",),
            escalate="Tell the platform team's lead when fewer than three days are left.",
        ),
        requirements=("C-BLACKBOX-EXP",),
    )


CERTIFICATE_SOON = _certificate("CertificateExpiresSoon", Severity.P2, 21, 1)
CERTIFICATE_VERY_SOON = _certificate("CertificateExpiresVerySoon", Severity.P1, 3, 2)

AVAILABILITY_ALERTS = declared(AlertRule, globals())
