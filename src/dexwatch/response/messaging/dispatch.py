"""Deliver one message: make it as things stand now, send it, say how that ended."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.notice import Chart, Notice, worst_first
from dexwatch.incidents.policy import URGENT, Policy
from dexwatch.incidents.records import (
    DeliveryOutcome,
)
from dexwatch.jobs.job import Job, JobResult
from dexwatch.metrics.severity import Severity
from dexwatch.response.apply import apply_events
from dexwatch.response.messaging.chart import chart_request
from dexwatch.response.messaging.compose import notice_for
from dexwatch.response.messaging.job import (
    MAX_BLIND,
    Message,
    give_up_after,
    message_of,
    send_timeout,
)
from dexwatch.response.messaging.outcome import (
    Attempt,
    crashed,
    cut_off,
    found_out,
    held,
    left_alone,
    may_repeat,
    needless,
    settled,
    told,
)
from dexwatch.response.notifier import (
    ChartSource,
    DeliveryResult,
    LookupResult,
    Notifier,
    Turn,
    Waits,
)
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.views import MessageContext

_log = structlog.get_logger(__name__)

_TURN_SECONDS = 300.0
"""So long a message may wait for its turn: with the longest attempt, less than a job may take."""

_CHART_SECONDS = {Severity.P0: 0.5, Severity.P1: 1.0, Severity.P2: 3.0, Severity.P3: 5.0}


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
            return JobResult.away(job, events=(cut_off(job, message),))
        except Exception as error:  # noqa: BLE001 - others must learn of an error of ours.
            _log.exception("dispatch.failed", job=job.key)
            return crashed(job, message, error)

    async def _do(self, job: Job, message: Message) -> JobResult:
        if job.lapsed and message.notification_id:
            # It is told at once, so that others are called as well.
            await apply_events(self._store, [cut_off(job, message)], self._clock(), policy=Policy())
        if job.held_for > 0:
            return held(job, message)
        context = await self._store.message_context(
            message.incident_id, message.channel, message.recipient
        )
        if context is None:
            return JobResult.dead("the incident no longer exists")
        notifier = self._notifiers.get(message.channel)
        if notifier is None:
            said = f"no {message.channel} is configured under notify any more"
            return JobResult.dead(said, events=told(job, message, DeliveryOutcome.FAILED, said))
        attempt = Attempt(job, message, context, notifier)
        return needless(attempt) or await self._attempt(attempt)

    async def _attempt(self, attempt: Attempt) -> JobResult:
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
        if job.uncertain:
            found = await self._lookup(attempt.notifier, notice)
            known = found_out(found)
            if known is not None and known.outcome is DeliveryOutcome.DELIVERED:
                return settled(attempt, known)
            if known is None and job.uncertain >= MAX_BLIND and not may_repeat(attempt):
                return left_alone(attempt, found)
        result = settled(attempt, await self._send(attempt, notice), certain=known is not None)
        return replace(result, certain=known is not None)

    async def _send(self, attempt: Attempt, notice: Notice) -> DeliveryResult:
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
            said = f"the notifier failed with {type(error).__name__}"
            return DeliveryResult.retryable(said, given=True)
        finally:
            sending.cancel()

    async def _report_slow(self, attempt: Attempt) -> None:
        """An urgent page that takes long starts another way, while it is still waited for."""
        slow = told(
            attempt.job,
            attempt.message,
            DeliveryOutcome.RETRYABLE,
            "the receiver takes long to answer",
            retry_in=give_up_after(attempt.message),
        )
        try:
            await apply_events(self._store, slow, self._clock(), policy=Policy())
        except StoreUnavailableError:
            # The attempt goes on, and its result is told in any case.
            _log.warning("dispatch.store_unavailable", job=attempt.job.key)

    async def _lookup(self, notifier: Notifier, notice: Notice) -> LookupResult:
        """Ask whether an earlier attempt got through."""
        try:
            async with asyncio.timeout(2.0 if notice.severity in URGENT else 5.0):
                return await notifier.lookup(notice)
        except TimeoutError:
            return LookupResult(None, away=True)
        except Exception as error:  # noqa: BLE001 - who cannot be asked cannot tell.
            _log.warning("lookup.failed", channel=notice.channel, error=type(error).__name__)
            return LookupResult(None)

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
