"""What people are told: all that a channel needs to render a message, so it looks up nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from dexwatch.dashboards.board import LEVEL_OF, Level
from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.records import Alert, Incident, IncidentState, NotificationReason
from dexwatch.metrics import units
from dexwatch.metrics.severity import Severity

MAX_ALERTS = 10
"""A message names at most so many alerts; the console shows all."""


class NoticeKind(StrEnum):
    """A page calls for somebody; an update keeps those who were called up to date."""

    PAGE = "page"
    UPDATE = "update"


@dataclass(frozen=True)
class ChartLine:
    """One line of a chart: (Unix seconds, value) in ascending time."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """The values around the event; `unit` is a `metrics.metric.Unit` value or empty."""

    title: str
    unit: str
    lines: tuple[ChartLine, ...]
    threshold: float | None = None
    event_at: float | None = None
    """When the fault was detected, in Unix seconds."""


@dataclass(frozen=True)
class NoticeAlert:
    """One alert as a message shows it."""

    name: str
    severity: Severity
    summary: str
    firing: bool
    starts_at: datetime


@dataclass(frozen=True)
class Notice:
    """One message about one incident for one recipient. All text in it may be hostile."""

    key: str
    """The same for every attempt of one message, for receivers that recognise repeats."""
    kind: NoticeKind
    event: UpdateReason | NotificationReason
    channel: str
    recipient: str
    incident_id: str
    version: int
    notification_round: int
    severity: Severity
    state: IncidentState
    title: str
    summary: str
    description: str
    began_at: datetime
    detected_at: datetime
    sent_at: datetime
    owner: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    alerts: tuple[NoticeAlert, ...] = ()
    more_alerts: int = 0
    runbook_url: str = ""
    console_url: str = ""
    chart: Chart | None = field(default=None, repr=False)
    handle: str | None = None
    """What the channel gave back for the first message of this incident to this recipient."""


def badge(notice: Notice) -> str:
    """Return what stands in front of a title: how grave it is, or that it is only a test."""
    return "TEST" if notice.event is NotificationReason.TEST else notice.severity.value


def level(notice: Notice) -> Level:
    """Return how loud a message looks: as its severity until it is over; a test is no trouble."""
    if notice.event is NotificationReason.TEST:
        return Level.INFO
    if notice.state in (IncidentState.MITIGATED, IncidentState.RESOLVED):
        return Level.OK
    return LEVEL_OF[notice.severity]


def lasted(notice: Notice) -> str:
    """Return how long a resolved fault lasted, as the console writes it; else nothing."""
    if notice.resolved_at is None:
        return ""
    return units.span((notice.resolved_at - notice.began_at).total_seconds())


def headline(notice: Notice) -> str:
    """Return the state in front of the title, for example `[P0] Api uptime low`."""
    words = {
        IncidentState.OPEN: badge(notice),
        IncidentState.ACKNOWLEDGED: f"{notice.severity} acknowledged",
        IncidentState.MITIGATED: f"{notice.severity} mitigated",
        IncidentState.RESOLVED: f"{notice.severity} resolved",
    }
    return f"[{words[notice.state]}] {notice.title}"


def told(notice: Notice) -> str:
    """Return one sentence that says what just happened."""
    who = notice.owner or "somebody"
    word = notice.severity.word
    sentences: dict[UpdateReason | NotificationReason, str] = {
        NotificationReason.OPENED: f"{word.capitalize()} incident {notice.incident_id} opened.",
        NotificationReason.RAISED: f"The severity rose to {notice.severity} ({word}).",
        NotificationReason.REOPENED: "The fault has returned.",
        NotificationReason.STILL_FIRING: "It was resolved manually but still fires.",
        NotificationReason.ANOTHER: "Another thing of the same kind has failed, too.",
        NotificationReason.FALLBACK: "Another channel could not be reached, so you are told here.",
        NotificationReason.UNREACHED: "Nobody could be reached before, so you are told again.",
        NotificationReason.COLLECTED: (
            f"This message stands for {len(notice.alerts) + notice.more_alerts}."
        ),
        NotificationReason.TEST: "This is a test: nothing has happened, nothing is to be done.",
        UpdateReason.JOINED: "Another alert has joined.",
        UpdateReason.ALERT_RESOLVED: "One of the alerts is over.",
        UpdateReason.RAISED: f"The severity rose to {notice.severity} ({word}).",
        UpdateReason.ACKNOWLEDGED: f"{who} has taken it on.",
        UpdateReason.MITIGATED: "All alerts are over; please confirm that it has ended.",
        UpdateReason.RESOLVED: (
            f"{notice.resolved_by} closed it."
            if notice.resolved_by
            else "All alerts are over; it resolved by itself."
        ),
        UpdateReason.REOPENED: "The fault has returned.",
        UpdateReason.NOTE: "A note was added.",
    }
    return sentences[notice.event]


def worst_first(alerts: Sequence[Alert]) -> list[Alert]:
    """Return firing alerts before resolved ones, the worst and then the earliest first."""
    return sorted(alerts, key=lambda a: (not a.firing, a.severity.value, a.starts_at, a.name))


def shown_alerts(alerts: Sequence[Alert]) -> tuple[NoticeAlert, ...]:
    """Return the alerts that a message names, at most `MAX_ALERTS`."""
    return tuple(
        NoticeAlert(
            name=a.name,
            severity=a.severity,
            summary=a.annotations.get("summary", ""),
            firing=a.firing,
            starts_at=a.starts_at,
        )
        for a in worst_first(alerts)[:MAX_ALERTS]
    )


def runbook_link(given: str, public_url: str, hosts: Collection[str] = ()) -> str:
    """Return the address of a runbook that a message may link to, or nothing.

    The annotation is foreign text. Our own pages are linked, given as a path or whole, and pages of
    the hosts that an operator has listed; whoever can raise an alert must not choose where the
    people it wakes click.
    """
    own = public_url.rstrip("/")
    if given.startswith("/") and not given.startswith(("//", "/\\")):
        link = f"{own}{given}" if own else ""
    else:
        link = given
    try:
        parts, ours = urlsplit(link), urlsplit(own)
        _ = parts.port
    except ValueError:
        return ""
    plain = parts.scheme in ("http", "https") and not parts.username and not parts.password
    listed = (parts.hostname or "") in {host.lower() for host in hosts}
    trusted = listed or (bool(own) and (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc))
    harmless = link.isascii() and link.isprintable() and not set(link) & set(" <>\"'`|\\")
    return link if plain and trusted and harmless else ""


def console_url(public_url: str, incident: Incident) -> str:
    """Return the incident's page in the console, or nothing when no address is configured."""
    return f"{public_url.rstrip('/')}/incidents/{incident.id}" if public_url else ""
