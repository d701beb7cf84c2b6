"""The jobs that carry messages to people: what they hold, how urgent and how patient they are."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dexwatch.backoff import Backoff
from dexwatch.incidents.effects import UpdateMessage
from dexwatch.incidents.policy import URGENT
from dexwatch.incidents.records import Incident, Notification
from dexwatch.jobs.job import IfPlanned, Job, NewJob
from dexwatch.metrics.severity import Severity

NOTIFY = "notify"
"""Calls for somebody."""

UPDATE = "update"
"""Keeps those who were called up to date."""

_PRIORITY = {severity: place for place, severity in enumerate(Severity)}
_BACKOFF = {True: Backoff(first=1.0, most=30.0), False: Backoff(first=5.0, most=300.0)}
_BLIND = Backoff(first=300.0, most=3600.0)
_COPY = {True: (60.0, 3600.0), False: (300.0, 4 * 3600.0)}
"""The shortest and the longest wait before what may have been kept is given once more."""
MAX_BLIND = 2
"""So many copies of a message may be under way before somebody else must be tried instead."""


@dataclass(frozen=True)
class Message:
    """What a message job is about; the rest is looked up when it is due."""

    incident_id: str
    channel: str
    recipient: str
    severity: Severity
    reason: str
    """A `NotificationReason` or `UpdateReason`."""
    notification_id: str = ""
    """Empty for an update."""

    @property
    def urgent(self) -> bool:
        """Is a duplicate cheaper than a miss?"""
        return self.severity in URGENT


def notify_key(notification_id: str) -> str:
    """Return the key of the job that delivers a notification."""
    return f"{NOTIFY}/{notification_id}"


def notify_job(notification: Notification, *, delay: timedelta = timedelta(0)) -> NewJob:
    """Return the job that delivers a notification, after `delay` at the earliest."""
    message = Message(
        notification.incident_id,
        notification.channel,
        notification.recipient,
        notification.severity,
        notification.why.value,
        notification.id,
    )
    return NewJob(
        kind=NOTIFY,
        key=notify_key(notification.id),
        delay=delay.total_seconds(),
        if_planned=IfPlanned.KEEP,
        **_shared(message),
    )


def update_job(effect: UpdateMessage, incident: Incident) -> NewJob:
    """Return the job that brings a message up to date; a pending one takes it in."""
    message = Message(
        incident.id, effect.channel, effect.recipient, incident.severity, effect.reason.value
    )
    return NewJob(
        kind=UPDATE,
        key=f"{UPDATE}/{incident.id}/{effect.channel}/{effect.recipient}",
        delay=effect.delay.total_seconds(),
        if_planned=IfPlanned.RENEW,
        **_shared(message),
    )


def message_of(job: Job) -> Message:
    """Return what a message job is about."""
    payload = {name: str(value) for name, value in job.payload.items()}
    return Message(**{**payload, "severity": Severity(payload["severity"])})  # type: ignore[arg-type]


def send_timeout(severity: Severity) -> float:
    """Return the seconds that one attempt may take."""
    return 8.0 if severity in URGENT else 20.0


def give_up_after(message: Message) -> float:
    """Return the seconds after which a message that nobody takes is given up."""
    return timedelta(hours=6 if message.urgent else 24).total_seconds()


def retry_delay(job: Job, message: Message, *, retry_after: float | None = None) -> float:
    """Return the seconds until the next attempt.

    The delay doubles from 1 s (urgent) or 5 s up to 30 s or 5 min; a receiver's Retry-After is
    obeyed up to 5 min.
    """
    backoff = _BACKOFF[message.urgent]
    return backoff.delay(job.attempts, key=job.key, retry_after=retry_after)


def copy_delay(job: Job, message: Message) -> float:
    """Return the seconds until the next attempt at what was put off after it was given whole.

    By the standard it was not taken and must be tried again (RFC 5321, section 4.2.5); where it was
    all the same, each attempt is one more copy (RFC 1047). Each waits three times as long as it all
    has lasted, from a minute up to an hour if it is urgent, else from the five minutes that
    greylisting asks for up to four hours: nine fit into the time until it is given up.
    """
    shortest, longest = _COPY[message.urgent]
    return min(max(shortest, 3 * job.age), longest)


def unsure_delay(job: Job, cut_off: int) -> float:
    """Return the seconds until the next attempt when `cut_off` attempts may have got through.

    After the first the receiver is soon asked, or gets the message once more where it cannot be
    asked; from then on repeats are rare, because each may be one more copy.
    """
    if cut_off < MAX_BLIND:
        return _BACKOFF[True].delay(cut_off, key=job.key)
    return _BLIND.delay(cut_off - MAX_BLIND + 1, key=job.key)


def _shared(message: Message) -> dict[str, Any]:
    return {
        "queue": message.channel,
        "lane": message.recipient,
        "subject": message.incident_id,
        "priority": _PRIORITY[message.severity],
        "payload": {
            "incident_id": message.incident_id,
            "channel": message.channel,
            "recipient": message.recipient,
            "severity": message.severity.value,
            "reason": message.reason,
            "notification_id": message.notification_id,
        },
        "lease": 12.0 if message.urgent else 30.0,
    }
