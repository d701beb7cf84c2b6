"""The JSON document of a message, as docs/guides/webhook.md says."""

from collections.abc import Mapping

from dexwatch.incidents.notice import Notice, headline, told
from dexwatch.notifiers.text import lines, one_line

SCHEMA = 2
_TITLE, _TEXT = 400, 4000
"""So many characters of a name or title, and of a longer text, are told."""


def document(notice: Notice) -> Mapping[str, object]:
    """Return the JSON document; keys are only ever added within a schema version."""
    return {
        "schema": SCHEMA,
        "kind": notice.kind.value,
        "event": notice.event.value,
        "headline": one_line(headline(notice), _TITLE),
        "told": one_line(told(notice), _TITLE),
        "incident": {
            "id": notice.incident_id,
            "version": notice.version,
            "notification_round": notice.notification_round,
            "severity": notice.severity.value,
            "state": notice.state.value,
            "title": one_line(notice.title, _TITLE),
            "summary": one_line(notice.summary, _TEXT),
            "description": "\n".join(lines(notice.description, _TEXT)),
            "began_at": notice.began_at,
            "detected_at": notice.detected_at,
            "resolved_at": notice.resolved_at,
            "owner": _name(notice.owner),
            "resolved_by": _name(notice.resolved_by),
        },
        "alerts": [
            {
                "name": one_line(alert.name, _TITLE),
                "severity": alert.severity.value,
                "state": "firing" if alert.firing else "resolved",
                "summary": one_line(alert.summary, _TEXT),
                "starts_at": alert.starts_at,
            }
            for alert in notice.alerts
        ],
        "more_alerts": notice.more_alerts,
        "links": {"console": notice.console_url or None, "runbook": notice.runbook_url or None},
        "sent_at": notice.sent_at,
    }


def _name(name: str | None) -> str | None:
    return None if name is None else one_line(name, _TITLE)
