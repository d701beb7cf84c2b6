"""How fast and how well the API answers: two alert groups, latency and errors."""

from functools import partial

from dexwatch.metrics import platform
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import enough
from dexwatch.metrics.scrape_class import HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules import recording_rules as recorded
from dexwatch.rules.rule import AlertRule, Runbook

api_rule = partial(AlertRule, component=Component.API, scrape_class=HIGH)

REQUESTS = platform.http_seconds.count()


def _busy(profile: EvaluationProfile) -> str:
    return enough(profile, REQUESTS, 50, by="service")


SLOW = Runbook(
    meaning="Users wait; trades are made at prices that have moved on meanwhile.",
    check=(
        "See in the access log which route is slow: all of them, or one?",
        "Look at database time, cache hit rate and queue depth at the moment when it began.",
        "Look at CPU and memory of the API's hosts, and at the load balancer's upstreams.",
        "Look for a deployment just before.",
    ),
    fix=(
        "Roll back the deployment that brought it.",
        "Add API processes when CPU is the limit.",
        "Stop the query or job that holds the database.",
    ),
    escalate="Call the engineering lead if it still grows after fifteen minutes.",
)
FAILING = Runbook(
    meaning="A share of what users ask for ends in a server error.",
    check=(
        "See on System Overview which status fails, and in the access log on which route.",
        "Read the API's log for the first error of this kind.",
        "See whether database, cache or chain node have alerts of their own.",
    ),
    fix=(
        "Roll back the latest deployment.",
        "Take a failing upstream out of the load balancer.",
        "Switch off the feature that fails.",
    ),
    escalate="Call the engineering lead if it is above five per cent for fifteen minutes.",
)


latency_rule = partial(
    api_rule,
    severity=Severity.P1,
    alert_group="api-latency",
    value=lambda _: str(recorded.http_p95),
    unit=Unit.SECONDS,
    condition=_busy,
    summary="One request in twenty to {{ $labels.service }} takes over {value}; "
    "the threshold is {threshold}.",
    description="95th percentile of the time to answer over {5m}.",
    runbook=SLOW,
)
errors_rule = partial(
    api_rule,
    severity=Severity.P1,
    alert_group="api-errors",
    value=lambda _: str(recorded.http_errors),
    unit=Unit.RATIO,
    condition=_busy,
    summary="{{ $labels.service }} answers {value} of requests with a server error; "
    "the threshold is {threshold}.",
    description="Share of requests answered with 5xx over {5m}.",
    runbook=FAILING,
)


def _noticeable(profile: EvaluationProfile) -> str:
    return f"and {recorded.http_p95} > 0.1\n{_busy(profile)}"


LATENCY_ABOVE_BASELINE = latency_rule(
    id="ApiLatencyAboveBaseline",
    value=lambda p: (
        f"{recorded.http_p95} / quantile_over_time(0.5, {recorded.http_p95}"
        f"[{p.window(86_400, HIGH)}] offset {p.window(600, HIGH)})"
    ),
    threshold=2,
    unit=Unit.MULTIPLE,
    condition=_noticeable,
    for_seconds=120,
    why=(
        "The median of a day stands for the usual and stays put while a fault lasts for hours."
        " Below 100 ms a doubling is nobody's trouble."
    ),
    summary=(
        "{{ $labels.service }} takes {value} as long as usual (95th percentile);"
        " the threshold is {threshold}."
    ),
    description="The 95th percentile over {5m}, divided by its median of the last {1d}.",
    requirements=("A-P1-LAT-1S",),
)


API_ALERTS = (
    LATENCY_ABOVE_BASELINE,
    latency_rule(
        id="LatencyDegraded",
        threshold=0.5,
        for_seconds=120,
        group_priority=2,
        requirements=("A-P1-LAT-500MS",),
        why="Five minutes smooth the quantile; two more keep a single slow burst out.",
    ),
    latency_rule(
        id="ApiLatencyHigh",
        threshold=1.0,
        for_seconds=60,
        group_priority=3,
        requirements=("A-P1-LAT-1S",),
        why="A second is felt by everybody, so one minute of confirmation is enough.",
    ),
    errors_rule(
        id="ErrorRateNoticeable",
        severity=Severity.P2,
        threshold=0.01,
        for_seconds=120,
        group_priority=1,
        requirements=("A-P2-ERR",),
        why="One per cent for two minutes is worth a look, and often ends by itself.",
    ),
    errors_rule(
        id="ErrorRateDegraded",
        threshold=0.01,
        for_seconds=600,
        group_priority=2,
        requirements=("A-P1-LAT-500MS",),
        why="The same one per cent is a degradation once it has lasted for ten minutes.",
    ),
    errors_rule(
        id="ErrorRateElevated",
        threshold=0.02,
        for_seconds=120,
        group_priority=3,
        requirements=("A-P1-ERR-2",),
        why="Two per cent are more than retries hide; two minutes rule out one bad burst.",
    ),
    errors_rule(
        id="ErrorRateHigh",
        threshold=0.05,
        for_seconds=60,
        group_priority=4,
        requirements=("A-P1-ERR-5",),
        why="Every twentieth request fails: a minute of confirmation is all that we can afford.",
    ),
)
