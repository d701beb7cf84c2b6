"""The overall status: the worst counts, muted alerts do not, and a missing answer is not health."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dexwatch.clients.alertmanager import RoutedAlert
from dexwatch.clients.prometheus import ActiveAlert
from dexwatch.console.live.alerts import (
    Sides,
    disagreements,
    firing_alerts,
    held_by_incidents_only,
    moment,
    pending_alerts,
)
from dexwatch.console.live.health import HealthSummary, component_states
from dexwatch.dashboards.board import Level
from dexwatch.dashboards.component_health import COMPONENTS
from dexwatch.incidents.records import IncidentState
from dexwatch.metrics.component import Component
from dexwatch.metrics.severity import Severity
from tests.fakes.kept import kept_alert, unresolved

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WELL = {component.id: 1.0 for component in COMPONENTS}


def alert(name, severity, component="api", state="firing", **more):
    labels = {"alertname": name, "severity": severity, "component": component, **more}
    if severity is None:
        del labels["severity"]
    return ActiveAlert(labels, {"summary": f"{name} is bad."}, state, "2026-03-02T07:00:00Z", 1.0)


def held(active, *, silenced=(), inhibited=(), starts=NOW - timedelta(hours=1), **added):
    labels = {**active.labels, "cluster": "x", **added}
    name = f"fp-{labels['alertname']}"
    notes = active.annotations
    return RoutedAlert(name, labels, notes, starts, NOW, "active", silenced, inhibited, ())


def summary(*alerts, measured=WELL, routed=(), kept=(), incidents=(), blind=(), at_odds=()):
    firing = firing_alerts(Sides(alerts, routed, kept))
    states = component_states(measured, firing)
    return HealthSummary(NOW, firing, states, tuple(incidents), tuple(blind), tuple(at_odds))


def test_all_well():
    status = summary().status
    assert (status.level, status.headline) == (Level.OK, "All is well")
    assert summary().well


def test_a_critical_alert_is_named_with_its_component():
    status = summary(
        alert("CpuUse80", "P2", "hosts"), alert("DatabaseDown", "P0", "database")
    ).status
    assert status.level is Level.CRITICAL
    assert status.headline == "Trouble in Database"
    assert status.detail == "DatabaseDown is bad."


def test_high_is_degraded_and_medium_only_asks_for_a_look():
    assert summary(alert("ApiLatencyHigh", "P1")).status.headline == "Degraded: API"
    assert summary(alert("CpuUse80", "P2", "hosts")).status.level is Level.INFO


def test_a_measured_fault_counts_before_any_alert():
    status = summary(measured=WELL | {"cache": 0.0}).status
    assert (status.level, status.headline) == (Level.CRITICAL, "Trouble in Cache")


def test_silence_of_the_sources_is_not_health():
    status = summary(measured={}, blind=("Prometheus does not answer",)).status
    assert status.level is Level.UNKNOWN
    assert all(one.level is Level.UNKNOWN for one in summary(measured={}).components)


def test_a_configured_component_without_data_is_not_well():
    states = component_states({"monitoring": 1.0}, (), expected={Component.DATABASE})
    shown = HealthSummary(NOW, components=states)
    assert (shown.status.level, shown.status.detail) == (Level.UNKNOWN, "no data of Database")
    assert not shown.well
    assert not summary(measured={}).well


def test_a_component_that_is_not_configured_may_be_silent():
    assert summary(measured={"monitoring": 1.0}).well


def test_a_missing_answer_is_not_hidden_by_a_small_alert():
    shown = summary(alert("CpuUse80", "P3", "hosts"), blind=("Alertmanager does not answer",))
    assert shown.status.level is Level.UNKNOWN


def test_muted_alerts_neither_alarm_nor_vanish():
    down = alert("DatabaseDown", "P0", "database")
    shown = summary(down, routed=(held(down, silenced=("s",)),))
    assert shown.critical == ()
    assert shown.status.level is Level.OK
    assert "1 muted alert" in shown.status.detail


def test_pending_alerts_and_the_dead_man_s_signal_are_no_alerts():
    pending, signal = alert("X", "P0", state="pending"), alert("Watchdog", "none")
    assert summary(pending, signal, routed=(held(signal),)).alerts == ()
    assert [one.name for one in pending_alerts([pending, signal])] == ["X"]


@pytest.mark.parametrize(
    ("word", "severity", "level"),
    [
        ("critical", Severity.P0, Level.CRITICAL),
        ("page", Severity.P0, Level.CRITICAL),
        ("Error", Severity.P1, Level.WARNING),
        ("warning", Severity.P2, Level.INFO),
        ("info", Severity.P3, Level.INFO),
        ("p0", Severity.P0, Level.CRITICAL),
        ("sev-7", Severity.P2, Level.INFO),
        ("", Severity.P2, Level.INFO),
        (None, Severity.P2, Level.INFO),
    ],
)
def test_alerts_with_foreign_severities_are_shown_as_they_are_paged(word, severity, level):
    shown = summary(alert("Theirs", word, "unknown"))
    (one,) = shown.alerts
    assert one.severity is severity
    assert shown.status.level is level
    assert not shown.well
    assert shown.counts[severity] == 1


def test_alerts_of_other_senders_and_sources_are_shown_once_each():
    ours, theirs = alert("Ours", "P1"), alert("Theirs", "critical")
    routed = (held(ours), held(theirs))
    kept = (
        kept_alert("fp-Ours", "Ours", incident_id="INC-1"),
        kept_alert("fast", "Guard", severity=Severity.P0, incident_id="INC-2"),
    )
    shown = summary(ours, routed=routed, kept=kept)
    found = {one.name: (one.source, one.incident_id) for one in shown.alerts}
    assert found == {
        "Ours": ("Prometheus", "INC-1"),
        "Theirs": ("Alertmanager", ""),
        "Guard": ("Incidents", "INC-2"),
    }


def test_what_alertmanager_routes_to_others_is_theirs_unless_our_prometheus_fires_it():
    ours, theirs = alert("Ours", "P1"), alert("Theirs", "P1")
    routed = [
        replace(held(one, silenced=("s",)), receivers=("somebody else",)) for one in (ours, theirs)
    ]
    shown = firing_alerts(Sides((ours,), routed, ()))
    assert [(one.name, one.muted) for one in shown] == [("Ours", "silenced")]
    assert disagreements(Sides((ours,), routed, ()), NOW) == ()


def test_a_dead_prometheus_hides_no_alert():
    down = alert("DatabaseDown", "P0", "database")
    firing = firing_alerts(Sides(None, (held(down),), ()))
    assert [one.name for one in firing] == ["DatabaseDown"]


@pytest.mark.parametrize(
    ("severity", "state", "level"),
    [
        (Severity.P0, IncidentState.OPEN, Level.CRITICAL),
        (Severity.P1, IncidentState.ACKNOWLEDGED, Level.WARNING),
        (Severity.P3, IncidentState.OPEN, Level.INFO),
        (Severity.P0, IncidentState.MITIGATED, Level.INFO),
    ],
)
def test_an_open_incident_is_never_all_well(severity, state, level):
    shown = summary(incidents=[unresolved("INC-7", severity=severity, state=state)])
    assert shown.status.level is level
    assert "1 incident is unresolved" in shown.status.headline
    assert not shown.well
    in_banner = severity is Severity.P0 and state is IncidentState.OPEN
    assert (shown.critical_incident is not None) is in_banner


def test_what_one_source_should_know_from_another_is_reported():
    fires = alert("Lost", "P1")
    lost = disagreements(Sides((fires,), (), ()), NOW)
    assert lost == ("1 alert that Prometheus fires, and Alertmanager does not hold",)
    unknown = disagreements(Sides((fires,), (held(fires),), ()), NOW)
    assert unknown == ("1 alert that Alertmanager holds, and no incident knows",)
    agreed = Sides((fires,), (held(fires),), (kept_alert("fp-Lost", "Lost"),))
    assert disagreements(agreed, NOW) == ()
    assert summary(at_odds=lost).status.level is Level.UNKNOWN


def test_what_has_just_begun_is_no_disagreement():
    fires = alert("New", "P1")
    soon = datetime(2026, 3, 2, 7, 1, tzinfo=UTC)
    assert disagreements(Sides((fires,), (), ()), soon) == ()
    young = held(fires, starts=NOW - timedelta(seconds=30))
    assert disagreements(Sides((fires,), (young,), ()), NOW) == ()


def test_the_time_for_which_a_rule_waits_counts_as_no_disagreement():
    fires = alert("Slow", "P1")
    fires = replace(fires, annotations={**fires.annotations, "for_seconds": "3600"})
    assert disagreements(Sides((fires,), (), ()), NOW + timedelta(minutes=1)) == ()
    assert disagreements(Sides((fires,), (), ()), NOW + timedelta(minutes=2)) != ()


def test_what_is_muted_or_cannot_be_seen_is_no_disagreement():
    fires = alert("Muted", "P1")
    assert disagreements(Sides((fires,), (held(fires, silenced=("s",)),), ()), NOW) == ()
    assert disagreements(Sides((fires,), None, None), NOW) == ()
    assert disagreements(Sides(None, (), None), NOW) == ()


def test_an_alert_that_incidents_alone_know_for_long_is_a_disagreement():
    sides = Sides((), (), (kept_alert("gone", "Gone"),))
    assert held_by_incidents_only(sides) == {"gone"}
    seen = {"gone": NOW - timedelta(minutes=5)}
    assert disagreements(sides, NOW, alone=seen) == (
        "1 alert that incidents know, and Alertmanager no longer holds",
    )
    assert disagreements(sides, NOW, alone={"gone": NOW}) == ()


@pytest.mark.parametrize("known", [True, False])
def test_the_work_grows_with_the_number_of_alerts_and_not_its_square(known):
    def seconds(number):
        active = [alert("Storm", "P1", instance=f"i-{n}") for n in range(number)]
        routed = [held(one) if known else held(one, instance="other") for one in active]
        took = []
        for _ in range(3):
            began = time.thread_time()
            firing_alerts(Sides(active, routed, ()))
            took.append(time.thread_time() - began)
        return min(took)

    assert seconds(4_000) < 4 * seconds(1_000) * 1.8


def test_prometheus_times_are_read():
    assert moment("2026-03-02T08:00:00.123456789Z").microsecond == 123456
    assert moment("2026-03-02T08:00:00+01:00")
    assert moment("0001-01-01T00:00:00Z") is None
    assert moment("<b>") is None


@pytest.mark.parametrize(
    ("suppressor", "muted"),
    [(None, ""), ("silence s-1", "silenced"), ("alert fp-1", "part of a worse alert")],
)
def test_an_alert_that_only_incidents_know_says_what_mutes_it(suppressor, muted):
    kept = replace(kept_alert("fp-Kept", "Kept"), suppressed_by=suppressor)
    (shown,) = firing_alerts(Sides((), (), (kept,)))
    assert shown.muted == muted
