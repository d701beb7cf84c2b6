"""Makes alerts, policies and Alertmanager payloads for tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dexwatch.incidents.events import AlertFired, AlertResolved, Event
from dexwatch.incidents.policy import Policy, Route
from dexwatch.metrics.severity import Severity
from dexwatch.response.apply import apply_events
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.ingest import fired, resolved
from dexwatch.response.store import Store

T0 = datetime(2026, 3, 2, 8, 0, 0, tzinfo=UTC)

SLACK = Route("slack", "#critical-alerts")
ALERTS = Route("slack", "#alerts")
ANA = Route("email", "ana@example.org")
BO = Route("email", "bo@example.org")

POLICY = Policy(
    routes={
        Severity.P0: (SLACK, ANA, BO),
        Severity.P1: (ALERTS, BO),
        Severity.P2: (ALERTS, BO),
        Severity.P3: (BO,),
    }
)


class Ticker:
    """A clock that a test sets."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.step: float = 0
        """How far somebody has put the wall clock forward; negative when back."""

    def __call__(self) -> datetime:
        return at(self.seconds + self.step)

    def steady(self) -> float:
        """Seconds that nobody puts forward or back."""
        return self.seconds


async def apply(
    store: Store, events: Sequence[Event], seconds: float, policy: Policy = POLICY
) -> list[Applied]:
    """Apply events so many seconds into the test."""
    return await apply_events(store, events, at(seconds), policy=policy)


def at(seconds: float) -> datetime:
    """Return a moment so many seconds into the test."""
    return T0 + timedelta(seconds=seconds)


def labels(name: str, severity: str, alert_group: str, **more: str) -> dict[str, str]:
    """Return the labels of an alert of the service `api`."""
    return {
        "alertname": name,
        "severity": severity,
        "alert_group": alert_group,
        "service": "api",
        **more,
    }


def fire(
    name: str = "ApiUptimeLow",
    severity: str = "P0",
    *,
    start: float = 0,
    alert_group: str = "api",
    suppressed_by: str | None = None,
    annotations: Mapping[str, str] | None = None,
    **more: str,
) -> AlertFired:
    """Return a firing alert whose episode began `start` seconds into the test."""
    return fired(
        fingerprint=f"{name}{sorted(more.items())}",
        labels=labels(name, severity, alert_group, **more),
        annotations=annotations or {"summary": f"{name} is 7%, the threshold is 5%."},
        starts_at=at(start),
        upstream="{}:{}",
        suppressed_by=suppressed_by,
    )


def clear(
    name: str = "ApiUptimeLow",
    severity: str = "P0",
    *,
    start: float = 0,
    end: float = 60,
    alert_group: str = "api",
    **more: str,
) -> AlertResolved:
    """Return the resolve of the episode that began `start` seconds into the test."""
    return resolved(
        fingerprint=f"{name}{sorted(more.items())}",
        labels=labels(name, severity, alert_group, **more),
        annotations={},
        starts_at=at(start),
        ends_at=at(end),
        upstream="{}:{}",
    )


def payload(*alerts: Mapping[str, Any], group_key: str = '{}:{alertname="X"}') -> dict[str, Any]:
    """Return a webhook body of Alertmanager 0.25."""
    status = "firing" if any(a["status"] == "firing" for a in alerts) else "resolved"
    return {
        "version": "4",
        "groupKey": group_key,
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "dexwatch",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1:8902",
        "alerts": list(alerts),
    }


def webhook_alert(
    name: str = "ApiUptimeLow",
    severity: str = "P0",
    *,
    status: str = "firing",
    starts_at: datetime = T0,
    ends_at: str = "0001-01-01T00:00:00Z",
    fingerprint: str = "",
    alert_group: str = "api",
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return one alert as the webhook carries it; an open end is year 1, as Go writes it."""
    return {
        "status": status,
        "labels": labels(name, severity, alert_group),
        "annotations": dict(annotations or {"summary": "Uptime is 97%, the threshold is 99.9%."}),
        "startsAt": starts_at.isoformat().replace("+00:00", "Z"),
        "endsAt": ends_at,
        "generatorURL": "http://127.0.0.1:8901/graph",
        "fingerprint": fingerprint or f"fp-{name}",
    }
