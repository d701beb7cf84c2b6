"""What a mail says: subject, plain text and HTML, with all foreign text made harmless."""

import unicodedata
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from dexwatch.incidents.notice import Notice, NoticeKind, told
from dexwatch.incidents.records import IncidentState
from dexwatch.metrics.severity import Severity

PICTURE = "chart@dexwatch"
"""The content id under which the HTML finds the chart."""

_SUBJECT = 180
_TONE = {
    Severity.P0: "#b3261e",
    Severity.P1: "#b45309",
    Severity.P2: "#1d5fa8",
    Severity.P3: "#52606d",
}
_CALM = "#1f7a4d"
_STATE = {
    IncidentState.OPEN: "open",
    IncidentState.ACKNOWLEDGED: "acknowledged",
    IncidentState.MITIGATED: "mitigated",
    IncidentState.RESOLVED: "resolved",
}


def subject(notice: Notice) -> str:
    """Return one line without control characters.

    Updates differ from the first subject by `Re:` only, because some mail programs thread by it.
    """
    reply = "Re: " if notice.handle or notice.kind is NoticeKind.UPDATE else ""
    line = f"{reply}[{notice.severity}] {notice.title} · {notice.incident_id}"
    return clean(line)[:_SUBJECT]


def text(notice: Notice) -> str:
    """Return the plain-text part."""
    lines = [told(notice), "", f"{notice.severity} {notice.title}", notice.summary]
    if notice.description:
        lines += ["", notice.description]
    if len(notice.alerts) > 1:
        lines += ["", "Alerts:"]
        for alert in notice.alerts:
            state = "firing" if alert.firing else "resolved"
            lines.append(f"- {alert.severity} {alert.name} ({state}): {alert.summary}")
        if notice.more_alerts:
            lines.append(f"- and {notice.more_alerts} more")
    lines += ["", *(f"{name}: {value}" for name, value in facts(notice))]
    if notice.console_url:
        lines.append(f"Console: {notice.console_url}")
    if notice.runbook_url:
        lines.append(f"Runbook: {notice.runbook_url}")
    return "\n".join(line.replace("\x00", "") for line in lines) + "\n"


def html(notice: Notice, *, picture: bool) -> str:
    """Return the HTML part; with `picture` it shows the inline chart."""
    over = notice.state in (IncidentState.RESOLVED, IncidentState.MITIGATED)
    return _template().render(
        notice=notice,
        told=told(notice),
        tone=_CALM if over else _TONE[notice.severity],
        state=_STATE[notice.state],
        facts=facts(notice),
        picture=f"cid:{PICTURE}" if picture else "",
    )


def facts(notice: Notice) -> list[tuple[str, str]]:
    """Return what both parts list, in order."""
    listed = [
        ("Incident", notice.incident_id),
        ("State", _STATE[notice.state]),
        ("Began", notice.began_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
    ]
    if notice.owner:
        listed.append(("Owner", clean(notice.owner)))
    if notice.resolved_at:
        seconds = max(int((notice.resolved_at - notice.began_at).total_seconds()), 0)
        listed.append(("Lasted", f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"))
    return listed


def clean(line: str) -> str:
    """Return one line without control and direction characters, which could forge headers."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in line)
    return " ".join("".join(c for c in kept if unicodedata.category(c) not in ("Cf", "Cs")).split())


def load() -> None:
    """Compile the template now instead of with the first mail."""
    _template()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("dexwatch.notifiers"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("email.html")
