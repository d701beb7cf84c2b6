"""What the business feels: registrations, payments, fresh data, background work."""

from functools import partial

from dexwatch.metrics import business, platform
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import enough, latest_of, share
from dexwatch.metrics.scrape_class import HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook

business_rule = partial(
    AlertRule, component=Component.JOBS, scrape_class=HIGH, keep_firing_seconds=180
)

NOT_REGISTERED = platform.registrations.where('outcome="failure"')
NOT_PAID = platform.payments.where('outcome="failure"')
JOBS_FAILED = platform.job_seconds.count('outcome="failure"')

REGISTRATIONS = business_rule(
    id="RegistrationsFailing",
    severity=Severity.P1,
    component=Component.USERS,
    team="platform",
    alert_group="registrations",
    value=lambda p: share(p, NOT_REGISTERED, str(platform.registrations), seconds=900),
    threshold=0.2,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, NOT_REGISTERED, 5, seconds=900),
    for_seconds=60,
    why="Registrations are rare: a quarter of an hour and five failures make the share mean much.",
    summary="{value} of the registrations fail; the threshold is {threshold}.",
    description="Share of registrations over {15m} that ended in failure.",
    runbook=Runbook(
        meaning="New users cannot join; most of them do not come back to try again.",
        check=(
            "Register a test account and note where it stops.",
            "See whether mail, identity check or captcha provider answers.",
        ),
        fix=("Roll back the change of the form or its API.", "Switch to the spare provider."),
        escalate="Tell the product owner after fifteen minutes.",
    ),
    requirements=("A-P1-REGISTER",),
)
PAYMENTS = business_rule(
    id="PaymentsFailing",
    severity=Severity.P1,
    component=Component.USERS,
    team="platform",
    alert_group="payments",
    value=lambda p: share(p, NOT_PAID, str(platform.payments), by="kind", seconds=900),
    threshold=0.1,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, NOT_PAID, 5, by="kind", seconds=900),
    for_seconds=60,
    why="A refused card is normal; five failures and a tenth of all in fifteen minutes are not.",
    summary="{value} of the payments ({{ $labels.kind }}) fail; the threshold is {threshold}.",
    description="Share of deposits or withdrawals over {15m} that ended in failure.",
    runbook=Runbook(
        meaning="Money does not get in or out; users grow uneasy fast.",
        check=(
            "See whether the failures name one reason or one provider.",
            "See whether the wallet that pays out has funds and gas.",
        ),
        fix=(
            "Switch to the other provider.",
            "Refill the wallet.",
            "Pause withdrawals with a notice rather than let them fail.",
        ),
        escalate="Call the operations manager when withdrawals stand still.",
    ),
    requirements=("A-P1-PAYMENT",),
)
SYNC_DELAY = business_rule(
    id="DataSyncDelayed",
    severity=Severity.P1,
    alert_group="data-sync",
    value=latest_of(business.sync_delay_seconds, by="dataset", scrape_class=HIGH),
    threshold=60,
    unit=Unit.SECONDS,
    for_seconds=60,
    keep_firing_seconds=120,
    why="A minute behind is what users notice in their balances; a minute more is no catching up.",
    summary="{{ $labels.dataset }} lies {value} behind the chain; the threshold is {threshold}.",
    description="What the platform shows is older than what the chain says.",
    runbook=Runbook(
        meaning="Balances and trades on screen are out of date.",
        check=(
            "See whether the job that syncs runs and what it logs.",
            "See whether the chain node lags as well.",
            "See whether its writes wait for a lock in the database.",
        ),
        fix=("Restart the sync job.", "Point it at another node."),
        escalate="Call the engineering lead after ten minutes of delay.",
    ),
    requirements=("A-P1-SYNC",),
)
QUEUE_DEPTH = business_rule(
    id="QueueDepthHigh",
    severity=Severity.P1,
    alert_group="job-queue",
    value=latest_of(platform.queue_depth, by="queue", scrape_class=HIGH),
    threshold=1000,
    for_seconds=60,
    keep_firing_seconds=120,
    why="A batch fills the queue for a moment; after a minute the workers do not keep up.",
    summary="{value} jobs wait in {{ $labels.queue }}; the threshold is {threshold}.",
    description="More work comes in than the workers do.",
    runbook=Runbook(
        meaning="Confirmations, mails and settlements come late.",
        check=(
            "See whether the workers run, and how long a job takes now.",
            "See which kind of job fills the queue.",
        ),
        fix=("Add workers.", "Put aside the jobs of the kind that fails again and again."),
        escalate="Call the platform team's lead when it doubles within ten minutes.",
    ),
    requirements=("A-P1-LAT-500MS", "M-APP-QUEUE"),
)
JOBS_FAILING = business_rule(
    id="JobsFailing",
    severity=Severity.P2,
    alert_group="jobs",
    value=lambda p: share(p, JOBS_FAILED, platform.job_seconds.count(), by="queue"),
    threshold=0.25,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, JOBS_FAILED, 20, by="queue"),
    for_seconds=120,
    why="Jobs are tried again, so a few failures are normal; a quarter for minutes is not.",
    summary="{value} of the jobs in {{ $labels.queue }} fail; the threshold is {threshold}.",
    description="Share of jobs over {5m} that ended in failure.",
    runbook=Runbook(
        meaning="Background work does not get done, and each try costs capacity.",
        check=("Read the error of the failing kind of job.", "See which dependency it calls."),
        fix=("Fix or roll back the job.", "Put its jobs aside until then."),
        escalate="Tell the owner of the job.",
    ),
    requirements=("M-APP-QUEUE",),
)

BUSINESS_ALERTS = declared(AlertRule, globals())
