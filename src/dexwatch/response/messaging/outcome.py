"""What an attempt to deliver comes to: for its job, and for the incident."""

from dataclasses import dataclass, replace

from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.records import (
    DeliveryOutcome,
    IncidentState,
    NotificationReason,
    NotificationState,
)
from dexwatch.jobs.job import Hold, Job, JobOutcome, JobResult
from dexwatch.response.messaging.job import (
    MAX_BLIND,
    UPDATE,
    Message,
    copy_delay,
    give_up_after,
    retry_delay,
    unsure_delay,
)
from dexwatch.response.notifier import DeliveryResult, LookupResult, Notifier
from dexwatch.response.views import MessageContext, MessageShown

_SOONEST_LOOK, _LATEST_LOOK = 0.5, 60.0


@dataclass(frozen=True)
class Attempt:
    """A message that may be sent: what asks for it, what is known, and the way."""

    job: Job
    message: Message
    context: MessageContext
    notifier: Notifier


def settled(attempt: Attempt, delivery: DeliveryResult, *, certain: bool = False) -> JobResult:
    """Say what the delivery's outcome means for the job and for the incident."""
    job, message, incident = attempt.job, attempt.message, attempt.context.incident
    outcome, detail = delivery.outcome, delivery.detail
    if outcome is DeliveryOutcome.DELIVERED:
        shown = MessageShown(
            incident.id,
            message.channel,
            message.recipient,
            delivery.handle or attempt.context.handle,
            incident.version,
            incident.state,
        )
        return JobResult.done(detail, events=(*told(job, message, outcome, detail), shown))
    hold = None
    if outcome is DeliveryOutcome.UNKNOWN:
        after = unsure_delay(job, (0 if certain else job.uncertain) + 1)
    elif outcome is DeliveryOutcome.RETRYABLE:
        after = (
            copy_delay(job, message)
            if delivery.given
            else retry_delay(job, message, retry_after=delivery.retry_after)
        )
        if delivery.retry_after:
            hold = Hold(after, "" if attempt.notifier.shared_limit else message.recipient)
    if outcome is not DeliveryOutcome.FAILED and job.age + after > give_up_after(message):
        outcome, detail = DeliveryOutcome.FAILED, f"given up after many attempts: {detail}"
    if outcome is DeliveryOutcome.FAILED:
        return JobResult.dead(detail, events=told(job, message, outcome, detail))
    events = told(job, message, outcome, detail, retry_in=after)
    kind = JobOutcome.RETRY if outcome is DeliveryOutcome.RETRYABLE else JobOutcome.UNCERTAIN
    return JobResult(kind, detail, after, events, hold=hold)


def told(
    job: Job,
    message: Message,
    outcome: DeliveryOutcome,
    detail: str,
    *,
    retry_in: float | None = None,
) -> tuple[NotificationAttempted, ...]:
    """Return what the incident learns; of an update it learns nothing."""
    if not message.notification_id:
        return ()
    return (
        NotificationAttempted(
            message.incident_id, message.notification_id, outcome, job.attempts, detail, retry_in
        ),
    )


def cut_off(job: Job, message: Message) -> NotificationAttempted:
    """Return what the incident learns of an attempt that nobody saw the end of."""
    return NotificationAttempted(
        message.incident_id,
        message.notification_id,
        DeliveryOutcome.UNKNOWN,
        job.attempts - 1,
        "the attempt was cut off",
    )


def crashed(job: Job, message: Message, error: Exception) -> JobResult:
    """Try again after an error of ours; an urgent page finds another way meanwhile."""
    result = JobResult.crashed(job, error)
    if job.age > give_up_after(message):
        events = told(job, message, DeliveryOutcome.FAILED, result.detail)
        return JobResult.dead(result.detail, events=events)
    return replace(
        result,
        events=told(job, message, DeliveryOutcome.RETRYABLE, result.detail, retry_in=result.after),
    )


def held(job: Job, message: Message) -> JobResult:
    """Wait until the channel may be used again; an urgent page finds another way meanwhile."""
    detail = f"{message.channel} has asked us to wait"
    waiting = replace(job, attempts=job.attempts - 1)
    if job.age > give_up_after(message):
        events = told(waiting, message, DeliveryOutcome.FAILED, detail)
        return JobResult.dead(detail, events=events)
    events = told(waiting, message, DeliveryOutcome.RETRYABLE, detail, retry_in=job.held_for)
    return JobResult.retry(job.held_for, detail, events=events, attempted=False)


def needless(attempt: Attempt) -> JobResult | None:
    """Say whether there is nothing to tell, or nobody yet to tell it to."""
    job, message, context = attempt.job, attempt.message, attempt.context
    mine = [
        n
        for n in context.notifications
        if (n.channel, n.recipient) == (message.channel, message.recipient)
    ]
    if job.kind != UPDATE:
        done = any(
            n.id == message.notification_id and n.state is NotificationState.DELIVERED for n in mine
        )
        if done:
            return JobResult.done("it had been delivered already")
        again = message.reason == NotificationReason.UNREACHED
        if again and context.incident.state is not IncidentState.OPEN:
            said = "not sent again: the incident waits for nobody any more"
            return JobResult.dead(said, events=told(job, message, DeliveryOutcome.FAILED, said))
        return None
    if context.last_notified_version >= context.incident.version:
        return JobResult.done("nothing new")
    # Of an unknown one the recipient may have the message, and nothing says better how it stands.
    reached = {NotificationState.DELIVERED, NotificationState.UNKNOWN}
    if not any(n.state in reached for n in mine):
        underway = any(n.state is not NotificationState.FAILED for n in mine)
        if underway and job.age < give_up_after(message):
            # The longer its page takes, the less often it is looked for.
            after = min(max(job.age / 4, _SOONEST_LOOK), _LATEST_LOOK)
            return JobResult.retry(after, "waits for its page", attempted=False)
        return JobResult.dead("the recipient was never reached")
    state = context.incident.state
    if attempt.notifier.only_state_changes and context.last_notified_state is state:
        return JobResult.done("the state is as told")
    return None


def found_out(found: LookupResult) -> DeliveryResult | None:
    """Return what is known of earlier attempts; None when nobody can tell."""
    if found.delivered is None:
        return None
    if found.delivered:
        return DeliveryResult.delivered("an earlier attempt had got through", handle=found.handle)
    return DeliveryResult.retryable("no earlier attempt had got through")


def left_alone(attempt: Attempt, found: LookupResult) -> JobResult:
    """Send no further copy; a receiver that may be able to tell later is asked again."""
    job, after = attempt.job, unsure_delay(attempt.job, MAX_BLIND)
    if found.away and job.age + after <= give_up_after(attempt.message):
        return JobResult.retry(after, "asks whether it has arrived", attempted=False)
    return JobResult.dead("not sent again: it may have arrived")


def may_repeat(attempt: Attempt) -> bool:
    """May a message go out again though copies of it may have arrived?"""
    return attempt.notifier.idempotent or _nobody_else(attempt)


def _nobody_else(attempt: Attempt) -> bool:
    """Is this an urgent page, of whose round nobody was reached, nor by a later one?"""
    message, notifications = attempt.message, attempt.context.notifications
    here = next((n for n in notifications if n.id == message.notification_id), None)
    return (
        message.urgent
        and here is not None
        and not any(
            n.state is NotificationState.DELIVERED
            for n in notifications
            if n.notification_round >= here.notification_round
        )
    )
