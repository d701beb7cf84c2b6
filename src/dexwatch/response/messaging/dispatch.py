"""Deliver one message: make it as things stand now, send it, say how that ended."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.notice import Chart, Notice, worst_first
from dexwatch.incidents.policy import URGENT, Policy
from dexwatch.incidents.records import (
    DeliveryOutcome,
    IncidentState,
    NotificationReason,
    NotificationState,
)
from dexwatch.jobs.job import Hold, Job, JobOutcome, JobResult
from dexwatch.metrics.severity import Severity
from dexwatch.response.apply import apply_events
from dexwatch.response.messaging.chart import chart_request
from dexwatch.response.messaging.compose import notice_for
from dexwatch.response.messaging.job import (
    MAX_BLIND,
    UPDATE,
    Message,
    give_up_after,
    message_of,
    retry_delay,
    send_timeout,
    unsure_delay,
)
from dexwatch.response.notifier import ChartSource, DeliveryResult, Notifier, Turn, Waits
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.views import MessageContext, MessageShown

_log = structlog.get_logger(__name__)

_SOONEST_LOOK, _LATEST_LOOK = 0.5, 60.0
_TURN_SECONDS = 300.0
"""So long a message may wait for its turn: with the longest attempt, less than a job may take."""

_CHART_SECONDS = {Severity.P0: 0.5, Severity.P1: 1.0, Severity.P2: 3.0, Severity.P3: 5.0}


@dataclass(frozen=True)
class _Attempt:
    job: Job
    message: Message
    context: MessageContext
    notifier: Notifier


class Dispatcher:
    """The handler of notifications and updates. It keeps nothing between two jobs."""

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[str, Notifier],
        clock: Clock,
        *,
        public_url: str = "",
        charts: ChartSource | None = None,
        runbook_hosts: Collection[str] = (),
    ) -> None:
        self._store = store
        self._notifiers = notifiers
        self._clock = clock
        self._public_url = public_url
        self._charts = charts
        self._runbook_hosts = runbook_hosts

    async def __call__(self, job: Job) -> JobResult:
        """Make one attempt.

        Raises:
            StoreUnavailableError: the store was away, and nothing has been sent.
        """
        message = message_of(job)
        try:
            return await self._do(job, message)
        except StoreUnavailableError:
            if not (job.lapsed and message.notification_id):
                raise
            # What the attempt before this one left uncertain is noted when the store is back.
            return JobResult.away(job, events=(_cut_off(job, message),))
        except Exception as error:  # noqa: BLE001 - others must learn of an error of ours.
            _log.exception("dispatch.failed", job=job.key)
            return _crashed(job, message, error)

    async def _do(self, job: Job, message: Message) -> JobResult:
        if job.lapsed and message.notification_id:
            # It is told at once, so that others are called as well.
            cut_off = [_cut_off(job, message)]
            await apply_events(self._store, cut_off, self._clock(), policy=Policy())
        if job.held_for > 0:
            return _held(job, message)
        context = await self._store.message_context(
            message.incident_id, message.channel, message.recipient
        )
        if context is None:
            return JobResult.dead("the incident no longer exists")
        notifier = self._notifiers.get(message.channel)
        if notifier is None:
            said = f"no {message.channel} is configured under notify any more"
            return JobResult.dead(said, events=_told(job, message, DeliveryOutcome.FAILED, said))
        attempt = _Attempt(job, message, context, notifier)
        return _needless(attempt) or await self._attempt(attempt)

    async def _attempt(self, attempt: _Attempt) -> JobResult:
        job, message = attempt.job, attempt.message
        notice = notice_for(
            job,
            message,
            attempt.context,
            public_url=self._public_url,
            runbook_hosts=self._runbook_hosts,
            now=self._clock(),
        )
        known = None
        if job.uncertain and message.notification_id:
            known = await self._lookup(attempt.notifier, notice)
            if known is not None and known.outcome is DeliveryOutcome.DELIVERED:
                return _settled(attempt, known)
            if known is None and job.uncertain >= MAX_BLIND and not _nobody_else(attempt):
                return JobResult.dead("not sent again: it may have arrived, and others have it")
        result = _settled(attempt, await self._send(attempt, notice), certain=known is not None)
        return replace(result, certain=known is not None)

    async def _send(self, attempt: _Attempt, notice: Notice) -> DeliveryResult:
        message, notifier = attempt.message, attempt.notifier
        usual = send_timeout(message.severity)
        seconds = notifier.attempt_seconds or usual
        if notifier.shows_chart and message.notification_id:
            notice = replace(notice, chart=await self._chart(attempt.context, notice))
        turn, latest = Turn(), asyncio.get_running_loop().time() + _TURN_SECONDS
        sending = asyncio.create_task(_in_turn(notifier, notice, turn))
        try:
            # Messages that wait to be told as one do not show that the receiver is slow.
            async with asyncio.timeout_at(latest):
                await turn.due.wait()
            done, _ = await asyncio.wait([sending], timeout=min(usual, seconds))
            if not done and message.urgent and message.notification_id:
                await self._report_slow(attempt)
            async with asyncio.timeout_at(latest):
                await turn.begun.wait()
            async with asyncio.timeout_at(turn.began + seconds):
                return await sending
        except TimeoutError:
            if not turn.begun.is_set():
                return DeliveryResult.retryable(f"its turn did not come in {_TURN_SECONDS:g} s")
            return DeliveryResult.unknown(f"no answer within {seconds:g} s")
        except Exception as error:  # noqa: BLE001 - a broken channel must not stop the others.
            # Only the type is told: the text of a foreign error may quote a secret.
            _log.error("notifier.failed", channel=message.channel, error=type(error).__name__)
            return DeliveryResult.retryable(f"the notifier failed with {type(error).__name__}")
        finally:
            sending.cancel()

    async def _report_slow(self, attempt: _Attempt) -> None:
        """An urgent page that takes long starts another way, while it is still waited for."""
        slow = NotificationAttempted(
            attempt.message.incident_id,
            attempt.message.notification_id,
            DeliveryOutcome.RETRYABLE,
            attempt.job.attempts,
            "the receiver takes long to answer",
            give_up_after(attempt.message),
        )
        try:
            await apply_events(self._store, [slow], self._clock(), policy=Policy())
        except StoreUnavailableError:
            # The attempt goes on, and its result is told in any case.
            _log.warning("dispatch.store_unavailable", job=attempt.job.key)

    async def _lookup(self, notifier: Notifier, notice: Notice) -> DeliveryResult | None:
        """Ask whether an earlier attempt got through; None when nobody can tell."""
        try:
            async with asyncio.timeout(2.0 if notice.severity in URGENT else 5.0):
                found = await notifier.lookup(notice)
        except Exception as error:  # noqa: BLE001 - who cannot be asked cannot tell.
            _log.warning("lookup.failed", channel=notice.channel, error=type(error).__name__)
            return None
        if found.delivered is None:
            return None
        if found.delivered:
            said = "an earlier attempt had got through"
            return DeliveryResult.delivered(said, handle=found.handle)
        return DeliveryResult.retryable("no earlier attempt had got through")

    async def _chart(self, context: MessageContext, notice: Notice) -> Chart | None:
        alert = next(iter(worst_first(context.alerts)), None)
        asked = chart_request(alert, title=notice.title, now=self._clock()) if alert else None
        if self._charts is None or asked is None:
            return None
        try:
            async with asyncio.timeout(_CHART_SECONDS[notice.severity]):
                return await self._charts.chart(asked)
        except Exception as error:  # noqa: BLE001 - a message without a picture beats none.
            _log.warning("chart.missing", incident=notice.incident_id, error=type(error).__name__)
            return None


async def _in_turn(notifier: Notifier, notice: Notice, turn: Turn) -> DeliveryResult:
    try:
        if isinstance(notifier, Waits):
            return await notifier.send_in_turn(notice, turn)
        turn.begin()
        return await notifier.send(notice)
    finally:
        # Whatever failed before its turn is not waited for.
        turn.begin()


def _settled(attempt: _Attempt, delivery: DeliveryResult, *, certain: bool = False) -> JobResult:
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
        return JobResult.done(detail, events=(*_told(job, message, outcome, detail), shown))
    hold = None
    if outcome is DeliveryOutcome.UNKNOWN:
        after = unsure_delay(job, (0 if certain else job.uncertain) + 1)
    elif outcome is DeliveryOutcome.RETRYABLE:
        after = retry_delay(job, message, retry_after=delivery.retry_after)
        if delivery.retry_after:
            hold = Hold(after, "" if attempt.notifier.shared_limit else message.recipient)
    if outcome is not DeliveryOutcome.FAILED and job.age + after > give_up_after(message):
        outcome, detail = DeliveryOutcome.FAILED, f"given up after many attempts: {detail}"
    if outcome is DeliveryOutcome.FAILED:
        return JobResult.dead(detail, events=_told(job, message, outcome, detail))
    events = _told(job, message, outcome, detail, retry_in=after)
    kind = JobOutcome.RETRY if outcome is DeliveryOutcome.RETRYABLE else JobOutcome.UNCERTAIN
    return JobResult(kind, detail, after, events, hold=hold)


def _told(
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


def _cut_off(job: Job, message: Message) -> NotificationAttempted:
    """Return what the incident learns of an attempt that nobody saw the end of."""
    return NotificationAttempted(
        message.incident_id,
        message.notification_id,
        DeliveryOutcome.UNKNOWN,
        job.attempts - 1,
        "the attempt was cut off",
    )


def _crashed(job: Job, message: Message, error: Exception) -> JobResult:
    """Try again after an error of ours; an urgent page finds another way meanwhile."""
    result = JobResult.crashed(job, error)
    if job.age > give_up_after(message):
        events = _told(job, message, DeliveryOutcome.FAILED, result.detail)
        return JobResult.dead(result.detail, events=events)
    return replace(
        result,
        events=_told(job, message, DeliveryOutcome.RETRYABLE, result.detail, retry_in=result.after),
    )


def _held(job: Job, message: Message) -> JobResult:
    """Wait until the channel may be used again; an urgent page finds another way meanwhile."""
    detail = f"{message.channel} has asked us to wait"
    waiting = replace(job, attempts=job.attempts - 1)
    if job.age > give_up_after(message):
        events = _told(waiting, message, DeliveryOutcome.FAILED, detail)
        return JobResult.dead(detail, events=events)
    events = _told(waiting, message, DeliveryOutcome.RETRYABLE, detail, retry_in=job.held_for)
    return JobResult.retry(job.held_for, detail, events=events, attempted=False)


def _needless(attempt: _Attempt) -> JobResult | None:
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
            return JobResult.dead(said, events=_told(job, message, DeliveryOutcome.FAILED, said))
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


def _nobody_else(attempt: _Attempt) -> bool:
    """Is this an urgent page that has reached nobody of its round in another way?"""
    message, notifications = attempt.message, attempt.context.notifications
    here = next((n for n in notifications if n.id == message.notification_id), None)
    return (
        message.urgent
        and here is not None
        and not any(
            n.state is NotificationState.DELIVERED
            for n in notifications
            if n.notification_round == here.notification_round
        )
    )
