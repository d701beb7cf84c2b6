"""What a Slack message looks like: within Block Kit's limits, all foreign text made harmless."""

from collections.abc import Callable, Iterator
from typing import Any

from dexwatch.dashboards.board import LEVEL_OF, Level
from dexwatch.incidents.notice import Notice, NoticeAlert, headline, lasted, level, told
from dexwatch.incidents.records import IncidentState
from dexwatch.notifiers.text import lines, one_line

EVENT_TYPE = "dexwatch_incident"
# Slack's limits are 150 for a header, 3,000 for a section and a button's address, 50 blocks; the
# whole message has one of its own that is not published, but lies above 6,000 characters.
_HEADER, _SUMMARY, _DESCRIPTION, _ALERT_NAME, _ALERT, _BUTTON_URL = 148, 600, 2400, 80, 200, 3000
_TEXT_BYTES = 3900
"""`chat.update` takes 4,000 of `text`, and counts bytes of UTF-8."""
_PREVIEW_BYTES, _BARE_BYTES = 1000, 500
_MOST_SHOWN = 5
_LONGEST = 5000
"""What is longer is cut before it is escaped."""
# A word joiner keeps marks from pairing up to formatting, and an @ from becoming a mention.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"{mark}\u2060" for mark in "*_~`@"}
_MARK = {
    Level.CRITICAL: ":red_circle:",
    Level.WARNING: ":large_orange_circle:",
    Level.INFO: ":large_blue_circle:",
    Level.OK: ":white_check_mark:",
}


def messages(notice: Notice) -> Iterator[dict[str, Any]]:
    """Yield the arguments of the incident's message, each version plainer than the one before."""
    yield {
        "text": _within(_one_line(f"{headline(notice)}: {notice.summary}"), _PREVIEW_BYTES),
        "blocks": _blocks(notice),
        "metadata": _metadata(notice),
        "unfurl_links": False,
        "unfurl_media": False,
    }
    said = "\n".join(map(_one_line, (headline(notice), told(notice), notice.summary)))
    said = "\n".join((said, *lines(notice.description, _LONGEST)))
    facts = f"\n{_facts(notice)}"
    plain = _within(said, _TEXT_BYTES - _bytes(facts)) + facts
    # An empty list takes away the blocks of a message that had some.
    yield {"text": plain, "blocks": [], "metadata": _metadata(notice), "unfurl_links": False}
    yield {"text": _within(_one_line(headline(notice)), _BARE_BYTES), "blocks": []}


def notes(notice: Notice) -> Iterator[dict[str, Any]]:
    """Yield the arguments of a note in the message's thread, the second version plainer."""
    text = f"{_mark(notice)} {_within(_one_line(told(notice)), _BARE_BYTES)}"
    yield {"text": text, "metadata": _metadata(notice), "unfurl_links": False}
    yield {"text": text}


def _blocks(notice: Notice) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        _header(headline(notice)),
        _section(f"{_mark(notice)} {_within(_one_line(told(notice)), _BARE_BYTES)}"),
    ]
    summary = fit(_one_line(notice.summary), _SUMMARY)
    description = fit("\n".join(lines(notice.description, _LONGEST)), _DESCRIPTION)
    if summary:
        blocks.append(_section(f"*{summary}*"))
    if description:
        blocks.append(_section(description))
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
    return blocks


def escape(text: str) -> str:
    """Return text that Slack shows as written: no mention, no link, no formatting, one font."""
    return "".join(map(_escaped, text))


def fit(text: str, most: int) -> str:
    """Return escaped text of at most `most` UTF-16 units, never cut inside an escape."""
    return _cut(text, most, _units)


def _within(text: str, most: int) -> str:
    """Return escaped text of at most `most` bytes of UTF-8."""
    return _cut(text, most, _bytes)


def _cut(text: str, most: int, size: Callable[[str], int]) -> str:
    whole = escape(text)
    if size(whole) <= most:
        return whole
    kept, room = [], most - size("…")
    for part in map(_escaped, text):
        room -= size(part)
        if room < 0:
            break
        kept.append(part)
    return "".join(kept) + "…"


def _escaped(character: str) -> str:
    return _ESCAPES.get(character, character)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _bytes(text: str) -> int:
    return len(text.encode())


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
        facts.append(f"owner {fit(_one_line(notice.owner), _ALERT_NAME)}")
    if notice.resolved_at:
        facts.append(f"lasted {lasted(notice)}")
    return " · ".join(facts)


def _mark(notice: Notice) -> str:
    """Return the sign of the severity, or of somebody who has taken the incident on."""
    taken = notice.state is IncidentState.ACKNOWLEDGED
    return ":eyes:" if taken else _MARK[level(notice)]


def _alert(alert: NoticeAlert) -> str:
    mark = _MARK[LEVEL_OF[alert.severity] if alert.firing else Level.OK]
    name, said = (
        fit(_one_line(alert.name), _ALERT_NAME),
        fit(_one_line(alert.summary), _ALERT),
    )
    return f"{mark} {alert.severity} {name}: {said}"


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


def _header(text: str) -> dict[str, Any]:
    # Plain text is shown as written; the joiner only makes sure that no client thinks otherwise.
    safe = _one_line(text).replace("<", "<\u2060").replace("@", "@\u2060")
    words = one_line(safe, _HEADER // 2) if _units(safe) > _HEADER else safe
    return {"type": "header", "text": {"type": "plain_text", "text": words, "emoji": False}}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Slack would turn bare addresses in foreign text into links; verbatim keeps them text.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _one_line(text: str) -> str:
    return one_line(text, _LONGEST)
