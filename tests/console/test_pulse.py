"""The verdict: the worst counts, muted alerts do not, and blindness is never called health."""

from datetime import UTC, datetime

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clients.prometheus import ActiveAlert
from dexwatch.console.live.pulse import Pulse, health_of, moment, problems_of
from dexwatch.dashboards.board import Level
from dexwatch.dashboards.component_health import COMPONENTS

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WELL = {component.id: 1.0 for component in COMPONENTS}


def alert(name, severity, component="api", state="firing"):
    labels = {"alertname": name, "severity": severity, "component": component}
    return ActiveAlert(labels, {"summary": f"{name} is bad."}, state, "2026-03-02T07:00:00Z", 1.0)


def pulse(*alerts, measured=WELL, routed=(), blind=()):
    problems = problems_of(alerts, routed)
    return Pulse(NOW, problems, health_of(measured, problems), (), tuple(blind))


def test_all_well():
    verdict = pulse().verdict
    assert (verdict.level, verdict.headline) == (Level.OK, "All is well")


def test_a_critical_alert_is_named_with_its_component():
    verdict = pulse(
        alert("CpuUse80", "P2", "hosts"), alert("DatabaseDown", "P0", "database")
    ).verdict
    assert verdict.level is Level.CRITICAL
    assert verdict.headline == "Trouble in Database"
    assert verdict.detail == "DatabaseDown is bad."


def test_high_is_degraded_and_medium_only_asks_for_a_look():
    assert pulse(alert("ApiLatencyHigh", "P1")).verdict.headline == "Degraded: API"
    assert pulse(alert("CpuUse80", "P2", "hosts")).verdict.level is Level.INFO


def test_a_measured_fault_counts_before_any_alert():
    verdict = pulse(measured=WELL | {"cache": 0.0}).verdict
    assert (verdict.level, verdict.headline) == (Level.CRITICAL, "Trouble in Cache")


def test_silence_of_the_sources_is_not_health():
    verdict = pulse(measured={}, blind=("Prometheus does not answer",)).verdict
    assert verdict.level is Level.UNKNOWN
    assert all(one.level is Level.UNKNOWN for one in pulse(measured={}).health)


def test_muted_alerts_neither_alarm_nor_vanish():
    labels = {
        "alertname": "DatabaseDown",
        "severity": "P0",
        "component": "database",
        "cluster": "x",
    }
    silenced = RoutedAlert("f", labels, {}, NOW, NOW, "suppressed", ("s",), (), ())
    taken = pulse(alert("DatabaseDown", "P0", "database"), routed=(silenced,))
    assert taken.critical == ()
    assert taken.verdict.level is Level.OK
    assert "1 muted alert" in taken.verdict.detail


def test_pending_alerts_and_the_dead_man_s_signal_are_no_problems():
    assert pulse(alert("X", "P0", state="pending"), alert("Watchdog", "none")).problems == ()


def test_prometheus_times_are_read():
    assert moment("2026-03-02T08:00:00.123456789Z").microsecond == 123456
    assert moment("2026-03-02T08:00:00+01:00")
    assert moment("0001-01-01T00:00:00Z") is None
    assert moment("<b>") is None
