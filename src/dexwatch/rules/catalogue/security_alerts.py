"""Who tries to get in, and who asks for more than is allowed."""

from functools import partial

from dexwatch.metrics import platform
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import enough, latest_of, per_minute, share
from dexwatch.metrics.scrape_class import CRITICAL, HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook

security_rule = partial(
    AlertRule, component=Component.USERS, scrape_class=CRITICAL, keep_firing_seconds=180
)

FAILURES = platform.auth_attempts.where('outcome="failure"')
FORBIDDEN = platform.authorization_failures.where('reason="forbidden"')

AUTH_FAILURES = security_rule(
    id="AuthFailureRateHigh",
    severity=Severity.P0,
    alert_group="authentication",
    value=lambda p: share(p, FAILURES, str(platform.auth_attempts), scrape_class=CRITICAL),
    threshold=0.1,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, FAILURES, 10, scrape_class=CRITICAL),
    for_seconds=30,
    why=(
        "Five minutes and at least ten failures, so that two people with a forgotten password at"
        " night are no page; half a minute more rules out one clumsy script."
    ),
    summary="{value} of the sign-ins fail; the threshold is {threshold}.",
    description="Somebody guesses passwords, or the sign-in itself is broken.",
    runbook=Runbook(
        meaning="Either accounts are under attack, or users cannot sign in.",
        check=(
            "See in the sign-in log whether the failures come from few addresses or everywhere.",
            "Try to sign in with a test account: does the sign-in work at all?",
            "See whether many different accounts fail once each: leaked passwords are being tried.",
        ),
        fix=(
            "Block or slow down the addresses at the load balancer.",
            "Demand a second factor for the accounts concerned.",
            "Roll back the latest change of the sign-in if it is broken.",
        ),
        escalate="Call the security lead at once when any attempt of the series succeeded.",
    ),
    requirements=("A-P0-AUTH-FAIL",),
)
SUSPICIOUS_IP = security_rule(
    id="SuspiciousIpActivity",
    severity=Severity.P0,
    alert_group="suspicious-addresses",
    value=latest_of(platform.auth_suspicious_sources),
    why=(
        "The platform counts a minute of failures before it calls an address suspicious, so nothing"
        " more is waited for. Three minutes of keeping make one incident of several waves."
    ),
    summary="{value} addresses fail to sign in far more often than a person would.",
    description="Addresses above the configured number of failed sign-ins per minute.",
    runbook=Runbook(
        meaning="Somebody tries passwords by machine.",
        check=(
            "List the addresses and accounts in the sign-in log.",
            "See whether one of the attempts succeeded.",
        ),
        fix=(
            "Block the addresses at the load balancer.",
            "End the sessions of accounts that were entered, and reset their passwords.",
        ),
        escalate="Call the security lead when an attempt succeeded.",
    ),
    requirements=("A-P0-BAD-IP", "M-SEC-THREAT"),
)
UNAUTHORIZED = security_rule(
    id="UnauthorizedAccess",
    severity=Severity.P0,
    alert_group="authorisation",
    value=lambda p: per_minute(p, FORBIDDEN, by="service", scrape_class=CRITICAL),
    threshold=10,
    unit=Unit.PER_MINUTE,
    condition=lambda p: enough(p, FORBIDDEN, 20, by="service", scrape_class=CRITICAL),
    why=(
        "Expired sessions are left out: only requests by somebody who is known and may not."
        " Ten a minute is no stray click; the window is the hold."
    ),
    summary=(
        "Forbidden requests reach {{ $labels.service }}, {value}; the threshold is {threshold}."
    ),
    description="Signed-in callers ask for what their role does not allow.",
    runbook=Runbook(
        meaning="An account or key is probing for rights that it does not have.",
        check=(
            "Find the account, the address and the routes in the access log.",
            "See whether any such request was answered with success.",
        ),
        fix=(
            "End the sessions and revoke the keys of that account.",
            "Fix the client if a deployment calls what it may not.",
        ),
        escalate="Call the security lead at once if data was given out.",
    ),
    requirements=("A-P0-UNAUTH", "M-SEC-ACCESS"),
)
RATE_LIMITED = security_rule(
    id="RateLimitAbuse",
    severity=Severity.P2,
    alert_group="rate-limits",
    scrape_class=HIGH,
    value=lambda p: per_minute(p, str(platform.rate_limited), by="service"),
    threshold=60,
    unit=Unit.PER_MINUTE,
    condition=lambda p: enough(p, str(platform.rate_limited), 60, by="service"),
    for_seconds=60,
    why="A client that backs off is refused a few times; one that does not is, minute by minute.",
    summary=(
        "{{ $labels.service }} refuses requests over the limit, {value};"
        " the threshold is {threshold}."
    ),
    description="Requests refused by a rate limit, over {5m}.",
    runbook=Runbook(
        meaning="Somebody asks far more often than is allowed, by mistake or on purpose.",
        check=("See which route and which callers.", "See whether honest users are refused too."),
        fix=("Block the caller at the load balancer.", "Raise the limit of a partner who asked."),
        escalate="Call the security lead when several addresses do it together.",
    ),
    requirements=("M-SEC-RATELIMIT",),
)

SECURITY_ALERTS = declared(AlertRule, globals())
