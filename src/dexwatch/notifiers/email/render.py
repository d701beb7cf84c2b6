"""What a mail says: subject, plain text and HTML, with all foreign text made harmless."""

from dataclasses import replace
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from dexwatch.dashboards.board import Level
from dexwatch.incidents.notice import Notice, NoticeKind, badge, lasted, level, told
from dexwatch.incidents.records import IncidentState
from dexwatch.notifiers.text import isolated, lines, one_line

PICTURE = "chart@dexwatch"
"""The content id under which the HTML finds the chart."""

_TITLE, _NAME, _SUMMARY, _DESCRIPTION, _ALERT = 140, 120, 1000, 4000, 300
"""So many characters of each are shown; the console has the whole."""
_TONE = {
    Level.CRITICAL: "#b3261e",
    Level.WARNING: "#b45309",
    Level.INFO: "#1d5fa8",
    Level.OK: "#1f7a4d",
}
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
    # The severity and the id come last and first, so that cutting the title loses neither.
    return f"{reply}[{badge(notice)}] {one_line(notice.title, _TITLE)} · {notice.incident_id}"


def text(notice: Notice) -> str:
    """Return the plain-text part. Foreign lines are quoted, so that none looks like ours."""
    body = [
        _foreign(told(notice), _SUMMARY),
        "",
        f"{badge(notice)} {_foreign(notice.title, _TITLE)}",
    ]
    if notice.summary:
        body.append(f"> {_foreign(notice.summary, _SUMMARY)}")
    if notice.description:
        body += ["", *(f"> {isolated(line)}" for line in lines(notice.description, _DESCRIPTION))]
    if len(notice.alerts) > 1:
        body += ["", "Alerts:"]
        for alert in notice.alerts:
            state = "firing" if alert.firing else "resolved"
            name, said = _foreign(alert.name, _NAME), _foreign(alert.summary, _ALERT)
            body.append(f"- {alert.severity} {name} ({state}): {said}")
        if notice.more_alerts:
            body.append(f"- and {notice.more_alerts} more")
    body += ["", *(f"{name}: {value}" for name, value in facts(notice))]
    if notice.console_url:
        body.append(f"Console: {notice.console_url}")
    if notice.runbook_url:
        body.append(f"Runbook: {notice.runbook_url}")
    return "\n".join(body) + "\n"


def html(notice: Notice, *, picture: bool) -> str:
    """Return the HTML part; with `picture` it shows the inline chart."""
    return _template().render(
        notice=_bounded(notice),
        told=one_line(told(notice), _SUMMARY),
        badge=badge(notice),
        tone=_TONE[level(notice)],
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
        listed.append(("Owner", _foreign(notice.owner, _NAME)))
    if notice.resolved_at:
        listed.append(("Lasted", lasted(notice)))
    return listed


def _foreign(text: str, most: int) -> str:
    return isolated(one_line(text, most))


def _bounded(notice: Notice) -> Notice:
    """Return the notice with its foreign text cut and cleaned, for the template to escape."""
    return replace(
        notice,
        title=one_line(notice.title, _TITLE),
        summary=one_line(notice.summary, _SUMMARY),
        description="\n".join(lines(notice.description, _DESCRIPTION)),
        alerts=tuple(
            replace(a, name=one_line(a.name, _NAME), summary=one_line(a.summary, _ALERT))
            for a in notice.alerts
        ),
    )


def load() -> None:
    """Compile the template now instead of with the first mail."""
    _template()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("dexwatch.notifiers.email"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("email.html")
