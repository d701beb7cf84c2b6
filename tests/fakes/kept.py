"""Alerts and incidents as our own store keeps them."""

from datetime import UTC, datetime

from dexwatch.incidents.policy import Policy
from dexwatch.incidents.records import Alert, AlertState, Incident, IncidentState
from dexwatch.metrics.severity import Severity

BEGAN = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def kept_alert(
    fingerprint: str,
    name: str,
    *,
    severity: Severity = Severity.P1,
    incident_id: str | None = None,
    source: str = "alertmanager",
) -> Alert:
    """Return a firing alert."""
    return Alert(
        source=source,
        fingerprint=fingerprint,
        group=name,
        name=name,
        severity=severity,
        labels={"alertname": name, "severity": severity.value},
        annotations={"summary": f"{name} is bad."},
        state=AlertState.FIRING,
        began_at=BEGAN,
        starts_at=BEGAN,
        ingested_at=BEGAN,
        incident_id=incident_id,
    )


def unresolved(
    incident_id: str,
    *,
    severity: Severity = Severity.P1,
    state: IncidentState = IncidentState.OPEN,
) -> Incident:
    """Return an incident that still asks for somebody."""
    return Incident(
        id=incident_id,
        number=int(incident_id.removeprefix("INC-")),
        group="group",
        title="Something is bad",
        severity=severity,
        state=state,
        policy=Policy(routes={}),
        began_at=BEGAN,
        detected_at=BEGAN,
        ingested_at=BEGAN,
        changed_at=BEGAN,
    )
