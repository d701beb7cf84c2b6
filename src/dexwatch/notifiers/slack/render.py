"""What a Slack message looks like: within Block Kit's limits, all foreign text made harmless."""

from typing import Any

from dexwatch.incidents.notice import Notice, NoticeAlert, headline, told
from dexwatch.incidents.records import IncidentState

EVENT_TYPE = "dexwatch_incident"
_HEADER, _SECTION, _BUTTON_URL = 150, 2800, 3000
_MOST_SHOWN = 5
_MARK = {
    IncidentState.OPEN: ":red_circle:",
    IncidentState.ACKNOWLEDGED: ":large_yellow_circle:",
    IncidentState.MITIGATED: ":large_blue_circle:",
    IncidentState.RESOLVED: ":white_check_mark:",
}


def message(notice: Notice) -> dict[str, Any]:
    """Return the arguments of the incident's message that describe its content."""
    blocks: list[dict[str, Any]] = [
        _plain("header", headline(notice), _HEADER),
        _section(f"{_MARK[notice.state]} {escape(told(notice))}"),
    ]
    if notice.summary:
        blocks.append(_section(f"*{_oneline(notice.summary)}*"))
    if notice.description:
        blocks.append(_section(escape(notice.description)))
    if len(notice.alerts) > 1:
        listed = [_alert(alert) for alert in notice.alerts[:_MOST_SHOWN]]
        left = len(notice.alerts) - len(listed) + notice.more_alerts
        if left:
            listed.append(f"and {left} more")
        blocks.append(_section("\n".join(listed)))
    blocks.append({"type": "context", "elements": [_mrkdwn(_facts(notice))]})
    buttons = _buttons(notice)
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {
        "text": escape(f"{headline(notice)}: {notice.summary}".strip(": "))[:_SECTION],
        "blocks": blocks,
        "metadata": _metadata(notice),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def note(notice: Notice) -> dict[str, Any]:
    """Return the arguments of a note in the thread of the incident's message."""
    text = f"{_MARK[notice.state]} {escape(told(notice))}"
    return {"text": text[:_SECTION], "metadata": _metadata(notice), "unfurl_links": False}


def escape(text: str) -> str:
    """Return text that Slack shows as written: no mention, no link, no formatting, one font."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # A word joiner keeps marks from pairing up to formatting, and an @ from becoming a mention.
    for mark in "*_~`":
        safe = safe.replace(mark, f"{mark}\u2060")
    return safe.replace("@", "@\u2060").replace("\x00", "")


def _metadata(notice: Notice) -> dict[str, Any]:
    payload = {
        "key": notice.key,
        "incident": notice.incident_id,
        "notification_round": notice.notification_round,
        "severity": notice.severity.value,
    }
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _facts(notice: Notice) -> str:
    began = int(notice.began_at.timestamp())
    clock = notice.began_at.strftime("%H:%M UTC")
    facts = [notice.incident_id, f"since <!date^{began}^{{time_secs}}|{clock}>"]
    if notice.owner:
        facts.append(f"owner {_oneline(notice.owner)}")
    if notice.resolved_at:
        minutes = max((notice.resolved_at - notice.began_at).total_seconds() / 60, 0)
        facts.append(f"lasted {minutes:.0f} min" if minutes >= 1 else "lasted under a minute")
    return " · ".join(facts)


def _alert(alert: NoticeAlert) -> str:
    state = ":small_red_triangle:" if alert.firing else ":white_check_mark:"
    said = _oneline(alert.summary)[:300]
    return f"{state} {alert.severity} {_oneline(alert.name)[:80]}: {said}"


def _buttons(notice: Notice) -> list[dict[str, Any]]:
    links = (
        ("open", "Open in console", notice.console_url),
        ("book", "Runbook", notice.runbook_url),
    )
    return [
        {
            "type": "button",
            "action_id": action,
            "text": {"type": "plain_text", "text": words},
            "url": url,
            **({"style": "primary"} if action == "open" else {}),
        }
        for action, words, url in links
        if url and len(url) <= _BUTTON_URL
    ]


def _plain(kind: str, text: str, limit: int) -> dict[str, Any]:
    # Plain text is shown as written; the joiner only makes sure that no client thinks otherwise.
    safe = text.replace("\x00", "").replace("<", "<\u2060").replace("@", "@\u2060")
    words = " ".join(safe.split())[:limit] or "Incident"
    return {"type": kind, "text": {"type": "plain_text", "text": words, "emoji": False}}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Slack would turn bare addresses in foreign text into links; verbatim keeps them text.
    return {"type": "mrkdwn", "text": text[:_SECTION], "verbatim": True}


def _oneline(text: str) -> str:
    return " ".join(escape(text).split())
