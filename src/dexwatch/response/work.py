"""Due work: what it is, how long it may take, and when it is tried again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from dexwatch.incidents.policy import URGENT
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from dexwatch.metrics.severity import Severity

Crashpoints = Callable[[str], None]
"""Called with a name at each step where a crash must do no harm; tests kill the process in it."""

CRASH_POINTS = (
    "fact.received",
    "fact.stored",
    "work.claimed",
    "work.sent",
    "work.recorded",
)


def no_crash(name: str) -> None:
    """Do nothing at the crash point `name`; what production passes."""


class WorkKind(StrEnum):
    """What is to be done when the time comes."""

    PAGE = "page"
    UPDATE = "update"


@dataclass(frozen=True)
class Work:
    """One claimed piece of due work."""

    id: str
    kind: WorkKind
    incident_id: str
    channel: str
    recipient: str
    severity: Severity
    event: str
    due_at: datetime
    created_at: datetime
    attempts: int
    """Counts this attempt."""
    doubt: bool
    """An earlier attempt was cut off: the receiver may have the message."""
    lease_owner: str
    lease_until: datetime
    page_id: str | None = None
    version: int = 0
    """Rises when the work is asked for again, so that a wish during an attempt is not lost."""


@dataclass(frozen=True)
class Settled:
    """How an attempt ended; `due_at` is set exactly when it is to be tried again."""

    result: DeliveryOutcome
    detail: str = ""
    handle: str | None = None
    due_at: datetime | None = None
    last_notified_version: int | None = None
    """The incident's version that the recipient now sees."""
    last_notified_state: IncidentState | None = None
    counts: bool = True
    """False when nothing was attempted yet, for example an update that waits for its page."""


def send_timeout(severity: Severity) -> float:
    """Return the seconds that one attempt may take."""
    return 8.0 if severity in URGENT else 20.0


def lease_time(severity: Severity) -> timedelta:
    """Return how long a claim holds; an attempt with its look and its record fits in."""
    return timedelta(seconds=send_timeout(severity) + (4 if severity in URGENT else 10))


def next_try(
    work: Work, now: datetime, *, retry_after: float | None = None, unsure: bool = False
) -> datetime | None:
    """Return when to try again, or None when it has been tried for too long.

    The back-off doubles from 1 s (urgent, or unsure whether it got through) or 5 s up to 30 s or
    5 min. A receiver's Retry-After is obeyed up to 5 min.
    """
    urgent = work.severity in URGENT
    patience = timedelta(hours=6) if urgent else timedelta(hours=24)
    if now - work.created_at > patience:
        return None
    first, most = (1.0 if urgent or unsure else 5.0), (30.0 if urgent else 300.0)
    wait = min(first * (1 << min(work.attempts - 1, 10)), most) * _spread(work)
    if retry_after is not None:
        wait = max(wait, min(retry_after, 300.0))
    return now + timedelta(seconds=wait)


def _spread(work: Work) -> float:
    # Messages that failed together must not come back together; a digest needs no chance.
    digest = sha256(f"{work.id}#{work.attempts}".encode()).digest()
    return 0.8 + 0.4 * digest[0] / 255
