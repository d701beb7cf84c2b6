"""Alerts come in, and messages go out: does the respond role lose, delay or drop any?"""

from functools import partial

from dexwatch.metrics import own
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import gained, latest_of
from dexwatch.metrics.scrape_class import HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

respond_rule = partial(
    AlertRule, component=Component.MONITORING, scrape_class=HIGH, keep_firing_seconds=300
)

NOT_DELIVERED = own.notifications.where('outcome!="delivered"')
REFUSED_REQUESTS = own.receiver_requests.where('outcome!~"accepted|in_part"')
FAILED_PINGS = own.outside_pings.where('outcome="failed"')
DROPPED_ALERTS = own.receiver_requests.where('outcome="in_part"')

STORE_DOWN = state_rule(
    id="StoreDown",
    severity=Severity.P1,
    component=Component.MONITORING,
    scrape_class=HIGH,
    alert_group="store",
    value=latest_of(own.store_up, of="min", by="instance", scrape_class=HIGH),
    for_seconds=60,
    keep_firing_seconds=60,
    why="A restart of the database takes less than a minute; until it is back, nobody is paged.",
    summary="The respond role {{ $labels.instance }} cannot write to its database.",
    description=(
        "It takes no alert in and tells nobody. This page comes by another replica, or when the"
        " database is back; the pings to the service outside have stopped."
    ),
    runbook=Runbook(
        meaning="Alerts fire and nobody is told; Alertmanager sends them again until they are in.",
        check=(
            "Read the log of the respond role at `respond.store_unavailable`.",
            "See whether the database at storage.url runs, and whether its disk is full.",
        ),
        fix=("Start the database, or free its disk: what waits is taken in by itself.",),
        escalate="Tell all who are on call to watch Alertmanager's own list until it is back.",
    ),
    requirements=("U-DAILY", "U-DEADMAN"),
)
OUTSIDE_FAILING = respond_rule(
    id="OutsidePingFailing",
    severity=Severity.P2,
    alert_group="outside-ping",
    value=gained(FAILED_PINGS, seconds=600),
    threshold=3,
    why="One or two failures are the network; more let the service outside page in error.",
    summary="{value} pings to the service outside were not taken within {10m}.",
    description="The service that pages when we are dead does not take our pings.",
    runbook=Runbook(
        meaning="It may page though all is well here, and would not notice if it were not.",
        check=("Run dexwatch doctor: it tries the address.", "See whether the service is up."),
        fix=("Correct daemons.deadman.outside_url, or open the way to it.",),
        escalate="Tell the monitoring team within the day.",
    ),
    requirements=("U-DEADMAN",),
)
JOBS_OVERDUE = respond_rule(
    id="JobsOverdue",
    severity=Severity.P1,
    alert_group="jobs-overdue",
    value=lambda p: f"max(min_over_time({own.jobs_overdue}[{p.window(120, HIGH)}]))",
    for_seconds=60,
    keep_firing_seconds=120,
    why=(
        "Due work is taken within a second. The least of two minutes, for one more, is work that"
        " nobody takes, and a single page that waits so long is one too many."
    ),
    summary="{value} pieces of due work wait; the threshold is {threshold}.",
    description="Pages, escalations and retries come late.",
    runbook=Runbook(
        meaning="People are not told in time.",
        check=("See whether the respond role runs.", "See whether its database answers."),
        fix=("Restart the respond role: the work is durable and goes on.",),
        escalate="Call the monitoring team; watch alerts in the console until then.",
    ),
    requirements=("U-DAILY",),
)
PAGES_FAILING = respond_rule(
    id="PagesFailing",
    severity=Severity.P1,
    alert_group="pages",
    value=gained(NOT_DELIVERED, by="channel", seconds=600),
    threshold=2,
    why="A retry or two is normal for a network; three within ten minutes are a broken channel.",
    summary="{{ $labels.channel }} refused {value} messages within {10m}.",
    description="Messages to people do not get through this channel.",
    runbook=Runbook(
        meaning="Who relies on this channel is not told.",
        check=("Read the outcome on the incident's timeline.", "Test the channel's credentials."),
        fix=("Renew the token or password.", "Correct address or channel name."),
        escalate="Tell the on-call engineer by another channel.",
    ),
    requirements=("U-DAILY",),
)
RECEIVER_REFUSING = respond_rule(
    id="ReceiverRefusing",
    severity=Severity.P2,
    alert_group="receivers",
    value=gained(REFUSED_REQUESTS, by="receiver, outcome", seconds=600),
    threshold=5,
    why="A scan tries once or twice; more is a sender with the wrong token.",
    summary="The receiver {{ $labels.receiver }} refused {value} requests ({{ $labels.outcome }}).",
    description="Requests of an alert source were not accepted.",
    runbook=Runbook(
        meaning="Either alerts of a real sender are lost, or somebody tries to forge them.",
        check=("See which address sends.", "Compare the token of sender and receiver."),
        fix=("Set the same token on both sides.", "Block the address."),
        escalate="Tell the security team if the sender is unknown.",
    ),
    requirements=("U-DAILY",),
)

RECEIVER_DROPPING_ALERTS = respond_rule(
    id="ReceiverDroppingAlerts",
    severity=Severity.P2,
    alert_group="receiver-dropped-alerts",
    value=gained(DROPPED_ALERTS, by="receiver", seconds=600),
    why="Every such request lost an alert, and the sender does not send it again: one is enough.",
    summary="{value} requests to {{ $labels.receiver }} were accepted in part: alerts are missing.",
    description="Some alerts of a request were malformed, or were more than one request may carry.",
    runbook=Runbook(
        meaning="Alerts fire for which there is no incident.",
        check=(
            "Compare the alerts in Alertmanager's own list with those in the console.",
            "Read the log of the respond role at `receiver.in_part`: how many, and why.",
        ),
        fix=(
            "Correct the rule whose labels or annotations are refused.",
            "Where too many came at once: group more finely in Alertmanager, or raise the bound.",
        ),
        escalate="Tell the on-call engineer which alerts are missing.",
    ),
    requirements=("U-DAILY",),
)


def _newly_quarantined(profile: EvaluationProfile) -> str:
    # Who was quarantined stays counted, so only the growth says that somebody must look. The
    # highest of an hour before bridges restarts, in which nothing was counted for a while.
    hour = profile.window(3600, HIGH)
    before = f"max(max_over_time({own.quarantined}[{hour}] offset {hour}))"
    return f"max({own.quarantined}) - ({before} or vector(0))"


QUARANTINED = respond_rule(
    id="WorkQuarantined",
    severity=Severity.P2,
    alert_group="quarantine",
    value=_newly_quarantined,
    for_seconds=60,
    why="Nothing is quarantined in health, and what is stays so: it is told for an hour.",
    summary="{value} jobs or events could not be handled and were set aside.",
    description="A page, an escalation or an alert was given up after failing again and again.",
    runbook=Runbook(
        meaning="Somebody may not have been told, or an alert may have no incident.",
        check=(
            "Read the log of the respond role at `event.quarantined`: it names kind and error.",
            "Run `dexwatch jobs list`: it shows each job that was set aside, with reason and age.",
            "Compare the alerts in Alertmanager's own list with the incidents in the console.",
        ),
        fix=(
            "Tell the person for whom the page was meant yourself.",
            "Correct what the error names: a channel, a rule's labels, the database.",
            "Run `dexwatch jobs release KEY` to have it tried again.",
            "Run `dexwatch jobs drop KEY` for what nobody needs any more.",
        ),
        escalate="Send the log to the monitoring team: this is a fault of the program.",
    ),
    requirements=("U-DAILY",),
)
RETENTION_HELD = respond_rule(
    id="RetentionHeld",
    severity=Severity.P2,
    alert_group="retention",
    value=lambda _: f"max({own.retention_clock_step})",
    unit=Unit.SECONDS,
    for_seconds=60,
    keep_firing_seconds=900,
    why=(
        "Between two looks of retention five minutes pass; a day more is a clock that has stepped,"
        " or a day in which nobody looked."
    ),
    summary="The clock of the respond role stands {value} ahead: nothing old is deleted.",
    description=(
        "By a clock that has stepped ahead, all that is kept looks old. When it has run evenly for"
        " long enough it is believed, and retention deletes by it again."
    ),
    runbook=Runbook(
        meaning=(
            "Either the host's clock is wrong, or the respond role was away for more than a day."
            " If the clock is wrong, incidents are deleted too early in three days."
        ),
        check=(
            "Compare `date` on the host of the respond role with another machine.",
            "Read the log of the respond role at `retention.clock_stepped`.",
        ),
        fix=(
            "Set the clock, and let chrony hold it: retention goes on at its next look.",
            "If the clock is right, do nothing: the alert ends by itself after three days.",
        ),
        escalate="Tell the platform engineer within the day: after three the records are gone.",
    ),
    requirements=("U-DAILY",),
)

RESPOND_ALERTS = declared(AlertRule, globals())
