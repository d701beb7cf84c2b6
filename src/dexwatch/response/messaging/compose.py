"""Makes a message's content from how things stand."""

from collections.abc import Collection
from datetime import datetime

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import (
    Notice,
    NoticeKind,
    console_url,
    runbook_link,
    shown_alerts,
    worst_first,
)
from dexwatch.incidents.records import NotificationReason
from dexwatch.jobs.job import Job
from dexwatch.response.messaging.job import Message
from dexwatch.response.views import MessageContext


def notice_for(
    job: Job,
    message: Message,
    context: MessageContext,
    *,
    public_url: str,
    runbook_hosts: Collection[str],
    now: datetime,
) -> Notice:
    """Return the content; its key is the same for every attempt of one message."""
    incident = context.incident
    worst = next(iter(worst_first(context.alerts)), None)
    said = worst.annotations if worst else {}
    page = next((n for n in context.notifications if n.id == message.notification_id), None)
    kind: NoticeKind
    event: UpdateReason | NotificationReason
    if message.notification_id:
        kind, event, key = NoticeKind.PAGE, NotificationReason(message.reason), job.key
    else:
        kind, event = NoticeKind.UPDATE, UpdateReason(message.reason)
        key = f"{job.key}/{incident.version}"
    shown = shown_alerts(context.alerts)
    return Notice(
        key=key,
        kind=kind,
        event=event,
        channel=message.channel,
        recipient=message.recipient,
        incident_id=incident.id,
        version=incident.version,
        notification_round=page.notification_round if page else incident.notification_round,
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
        alerts=shown,
        more_alerts=max(context.alert_count - len(shown), 0),
        runbook_url=runbook_link(said.get("runbook_url", ""), public_url, runbook_hosts),
        console_url=console_url(public_url, incident),
        handle=context.handle,
    )
