"""Makes notices for tests of what people are told."""

from dataclasses import replace
from datetime import timedelta

from dexwatch.incidents.notice import Chart, ChartLine, Notice, NoticeAlert, NoticeKind
from dexwatch.incidents.records import IncidentState, NotificationReason
from dexwatch.metrics.severity import Severity
from tests.fakes.alerts import T0

HOSTILE = (
    "<script>alert(1)</script> <!channel> <@U1> @here *bold* _it_ `code` ~no~ & \"q\" 'a'"
    "\r\nBcc: cy@example.org\r\n\r\nbody \x00 \u202e $\\frac{1}{2}$ https://evil.example "
)

CHART = Chart(
    title="Api latency high (api)",
    unit="seconds",
    lines=(
        ChartLine(
            "p95 /quote $x$", tuple((T0.timestamp() + n * 5, 0.1 + n / 100) for n in range(120))
        ),
        ChartLine("p95 /trade", tuple((T0.timestamp() + n * 5, 0.2) for n in range(120))),
    ),
    threshold=0.5,
    event_at=T0.timestamp() + 595,
)


def notice(channel: str, recipient: str, **changes: object) -> Notice:
    """Return the first page of an incident."""
    made = Notice(
        key=f"page/INC-1/1/{channel}/{recipient}",
        kind=NoticeKind.PAGE,
        event=NotificationReason.OPENED,
        channel=channel,
        recipient=recipient,
        incident_id="INC-1",
        version=1,
        notification_round=1,
        severity=Severity.P1,
        state=IncidentState.OPEN,
        title="Api latency high (api)",
        summary="95% of requests take up to 0.82 s; the threshold is 0.5 s.",
        description="Quotes and trades feel slow; the database or an upstream may be the cause.",
        began_at=T0,
        detected_at=T0 + timedelta(seconds=5),
        sent_at=T0 + timedelta(seconds=6),
        alerts=(
            NoticeAlert("ApiLatencyHigh", Severity.P1, "p95 is 0.82 s.", True, T0),
            NoticeAlert("LatencyDegraded", Severity.P2, "It doubled.", False, T0),
        ),
        runbook_url="http://127.0.0.1:8900/runbooks/ApiLatencyHigh",
        console_url="http://127.0.0.1:8900/incidents/INC-1",
    )
    return replace(made, **changes)


def hostile(channel: str, recipient: str, **changes: object) -> Notice:
    """Return a page whose every text was written by an attacker, at great length."""
    long = (HOSTILE * 200)[:20_000]
    alerts = tuple(NoticeAlert(long[:3000], Severity.P0, long, n % 2 == 0, T0) for n in range(10))
    changed = {
        "title": long,
        "summary": long,
        "description": long,
        "owner": HOSTILE,
        "alerts": alerts,
        "more_alerts": 90,
    }
    return notice(channel, recipient, **(changed | changes))
