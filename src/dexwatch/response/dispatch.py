"""Do one piece of due work: make the message as things stand now, send it, say how it ended."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import (
    MAX_ALERTS,
    Chart,
    Notice,
    NoticeKind,
    console_url,
    shown_alerts,
    worst_first,
)
from dexwatch.incidents.policy import URGENT
from dexwatch.incidents.records import DeliveryOutcome, NotificationReason, NotificationState
from dexwatch.metrics.severity import Severity
from dexwatch.response.notifier import ChartSource, DeliveryResult, Notifier
from dexwatch.response.store import Briefing, Store
from dexwatch.response.work import Settled, Work, WorkKind, next_try, send_timeout

_log = structlog.get_logger(__name__)

_WAIT_FOR_PAGE_SECONDS = 0.5
_CHART_SECONDS = {Severity.P0: 0.5, Severity.P1: 1.0, Severity.P2: 3.0, Severity.P3: 5.0}


class Deliver:
    """Turns work into messages. It keeps nothing between two pieces of work."""

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[str, Notifier],
        clock: Clock,
        *,
        public_url: str = "",
        charts: ChartSource | None = None,
    ) -> None:
        self._store = store
        self._notifiers = notifiers
        self._clock = clock
        self._public_url = public_url
        self._charts = charts

    async def __call__(self, work: Work) -> Settled:
        """Make one attempt. Never raises for a receiver's sake, only if the store fails."""
        briefing = await self._store.briefing(work)
        if briefing is None:
            return Settled(DeliveryOutcome.FAILED, "the incident no longer exists")
        notifier = self._notifiers.get(work.channel)
        if notifier is None:
            return Settled(
                DeliveryOutcome.FAILED, f"no {work.channel} is configured under notify any more"
            )
        if work.kind is WorkKind.UPDATE:
            early = _needless(work, briefing, notifier, self._clock())
            if early is not None:
                return early
        delivery = await self._attempt(work, briefing, notifier)
        return self._settled(work, briefing, delivery)

    async def _attempt(self, work: Work, briefing: Briefing, notifier: Notifier) -> DeliveryResult:
        notice = notice_for(work, briefing, public_url=self._public_url, now=self._clock())
        try:
            async with asyncio.timeout(send_timeout(work.severity)):
                if work.doubt and work.kind is WorkKind.PAGE:
                    found = await self._lookup(notifier, notice)
                    if found is not None:
                        return found
                if notifier.shows_chart and work.kind is WorkKind.PAGE:
                    notice = replace(notice, chart=await self._chart(briefing, notice))
                return await notifier.send(notice)
        except TimeoutError:
            return DeliveryResult.unknown(f"no answer within {send_timeout(work.severity):g} s")
        except Exception as error:  # noqa: BLE001 - a broken channel must not stop the others.
            # Only the type is told: the text of a foreign error may quote a secret.
            _log.error("notifier.failed", channel=work.channel, error=type(error).__name__)
            return DeliveryResult.retryable(f"the notifier failed with {type(error).__name__}")

    async def _lookup(self, notifier: Notifier, notice: Notice) -> DeliveryResult | None:
        """Ask whether an earlier attempt got through; None means that it must go out again."""
        try:
            async with asyncio.timeout(2.0 if notice.severity in URGENT else 5.0):
                found = await notifier.lookup(notice)
        except TimeoutError:
            return None
        if not found.delivered:
            return None
        return DeliveryResult.delivered("an earlier attempt had got through", handle=found.handle)

    async def _chart(self, briefing: Briefing, notice: Notice) -> Chart | None:
        alert = next(iter(worst_first(briefing.alerts)), None)
        query = alert.annotations.get("query", "") if alert else ""
        if self._charts is None or alert is None or not query:
            return None
        try:
            async with asyncio.timeout(_CHART_SECONDS[notice.severity]):
                return await self._charts.chart(
                    query,
                    title=notice.title,
                    unit=alert.annotations.get("unit", ""),
                    limit=_number(alert.annotations.get("threshold", "")),
                    at=alert.starts_at,
                )
        except Exception as error:  # noqa: BLE001 - a message without a picture beats none.
            _log.warning("chart.missing", incident=notice.incident_id, error=type(error).__name__)
            return None

    def _settled(self, work: Work, briefing: Briefing, delivery: DeliveryResult) -> Settled:
        now = self._clock()
        result, detail, due_at = delivery.outcome, delivery.detail, None
        if result in (DeliveryOutcome.RETRYABLE, DeliveryOutcome.UNKNOWN):
            unsure = result is DeliveryOutcome.UNKNOWN
            due_at = next_try(work, now, retry_after=delivery.retry_after, unsure=unsure)
            if due_at is None:
                result, detail = DeliveryOutcome.FAILED, f"given up after many attempts: {detail}"
        reached = result is DeliveryOutcome.DELIVERED
        return Settled(
            result,
            detail,
            delivery.handle or briefing.handle,
            due_at,
            last_notified_version=briefing.incident.version if reached else None,
            last_notified_state=briefing.incident.state if reached else None,
        )


def notice_for(work: Work, briefing: Briefing, *, public_url: str, now: datetime) -> Notice:
    """Make the message's content from how things stand."""
    incident, alerts = briefing.incident, briefing.alerts
    worst = next(iter(worst_first(alerts)), None)
    said = worst.annotations if worst else {}
    page = next((p for p in briefing.pages if p.id == work.page_id), None)
    notification_round = page.notification_round if page else incident.notification_round
    kind: NoticeKind
    event: UpdateReason | NotificationReason
    if work.kind is WorkKind.PAGE:
        kind, event, key = NoticeKind.PAGE, NotificationReason(work.event), work.id
    else:
        kind, event, key = (
            NoticeKind.UPDATE,
            UpdateReason(work.event),
            f"{work.id}/{incident.version}",
        )
    return Notice(
        key=key,
        kind=kind,
        event=event,
        channel=work.channel,
        recipient=work.recipient,
        incident_id=incident.id,
        version=incident.version,
        notification_round=notification_round,
        severity=incident.severity,
        state=incident.state,
        title=incident.title,
        summary=said.get("summary", ""),
        description=said.get("description", ""),
        began_at=incident.began_at,
        detected_at=incident.detected_at,
        sent_at=now,
        owner=incident.owner,
        resolved_by=incident.resolved_by,
        resolved_at=incident.resolved_at,
        alerts=shown_alerts(alerts),
        more_alerts=max(len(alerts) - MAX_ALERTS, 0),
        runbook_url=_runbook(said.get("runbook_url", ""), public_url),
        console_url=console_url(public_url, incident),
        handle=briefing.handle,
    )


def _needless(work: Work, briefing: Briefing, notifier: Notifier, now: datetime) -> Settled | None:
    """Say whether an update has nothing to tell, or nobody yet to tell it to."""
    if briefing.last_notified_version >= briefing.incident.version:
        return Settled(DeliveryOutcome.DELIVERED, "nothing new")
    if not any(p.state is NotificationState.DELIVERED for p in briefing.pages):
        if any(p.state is not NotificationState.FAILED for p in briefing.pages):
            due = next_try(replace(work, attempts=1), now, retry_after=_WAIT_FOR_PAGE_SECONDS)
            if due is not None:
                return Settled(
                    DeliveryOutcome.RETRYABLE, "waits for its page", due_at=due, counts=False
                )
        return Settled(DeliveryOutcome.FAILED, "the recipient was never reached")
    if notifier.only_state_changes and briefing.last_notified_state is briefing.incident.state:
        return Settled(
            DeliveryOutcome.DELIVERED,
            "the state is as told",
            last_notified_state=briefing.last_notified_state,
        )
    return None


def _runbook(said: str, public_url: str) -> str:
    if said.startswith("/"):
        return f"{public_url.rstrip('/')}{said}" if public_url else ""
    return said if said.startswith(("https://", "http://")) else ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
