"""The JSON document of a message, as docs/guides/webhook.md says."""

from collections.abc import Mapping

from dexwatch.incidents.notice import Notice, headline, told

SCHEMA = 2
_TEXT = 4000


def document(notice: Notice) -> Mapping[str, object]:
    """Return the JSON document; keys are only ever added within a schema version."""
    return {
        "schema": SCHEMA,
        "kind": notice.kind.value,
        "event": notice.event.value,
        "headline": headline(notice),
        "told": told(notice),
        "incident": {
            "id": notice.incident_id,
            "version": notice.version,
            "notification_round": notice.notification_round,
            "severity": notice.severity.value,
            "state": notice.state.value,
            "title": notice.title,
            "summary": notice.summary[:_TEXT],
            "description": notice.description[:_TEXT],
            "began_at": notice.began_at,
            "detected_at": notice.detected_at,
            "resolved_at": notice.resolved_at,
            "owner": notice.owner,
            "resolved_by": notice.resolved_by,
        },
        "alerts": [
            {
                "name": alert.name,
                "severity": alert.severity.value,
                "state": "firing" if alert.firing else "resolved",
                "summary": alert.summary[:_TEXT],
                "starts_at": alert.starts_at,
            }
            for alert in notice.alerts
        ],
        "more_alerts": notice.more_alerts,
        "links": {"console": notice.console_url or None, "runbook": notice.runbook_url or None},
        "sent_at": notice.sent_at,
    }
