"""A resolve counts only when whoever evaluates the alert says that it is over."""

from dataclasses import replace

import pytest

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import AddTimeline
from dexwatch.incidents.liveness.doubt import Doubt, Evidence, doubt
from dexwatch.incidents.records import IncidentState
from dexwatch.incidents.state import GroupState, Reason
from tests.fakes.alerts import POLICY, at, clear, fire

MINE = {"alertname": "NodeDown", "host": "a", "cluster": "bsc"}


def evidence(*active: dict[str, str], **changes: object) -> Evidence:
    by_name: dict[str, list[dict[str, str]]] = {}
    for labels in active:
        by_name.setdefault(labels["alertname"], []).append(labels)
    said = Evidence(True, by_name, started_at=at(0), asked_at=at(1000), settled=False)
    return replace(said, **changes)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (evidence(), None),
        (Evidence(answered=False), Doubt.NO_ANSWER),
        (evidence({"alertname": "NodeDown", "host": "a"}), Doubt.STILL_ACTIVE),
        (evidence({"alertname": "NodeDown", "host": "b"}), None),
        (evidence({"alertname": "Other", "host": "a"}), None),
        (evidence(started_at=at(500)), Doubt.JUST_STARTED),
        (evidence(started_at=at(500), settled=True), None),
        (evidence(started_at=None), Doubt.JUST_STARTED),
        # The alert began in the future, so the clock was put back since.
        (evidence(asked_at=at(50)), Doubt.JUST_STARTED),
    ],
)
def test_what_is_believed(said: Evidence, why: Doubt | None) -> None:
    assert doubt(MINE, at(100), said) is why


def test_a_doubted_resolve_changes_nothing_and_the_timeline_tells_why() -> None:
    opened = decide(GroupState("g", POLICY), fire(), at(1)).state
    decision = decide(opened, replace(clear(), doubt=Doubt.NO_ANSWER), at(60))
    assert decision.reason is Reason.RESOLVE_HELD
    assert decision.state == opened
    (told,) = decision.effects
    assert isinstance(told, AddTimeline)
    assert "Prometheus does not answer" in told.entry.text
    ended = decide(opened, clear(), at(300)).state
    assert ended.incident is not None
    assert ended.incident.state is IncidentState.RESOLVED
    again = decide(ended, replace(clear(), doubt=Doubt.NO_ANSWER), at(301))
    assert again.reason is Reason.REPEATED


def test_a_doubted_resolve_of_an_unknown_alert_does_not_bar_its_firing() -> None:
    state = decide(GroupState("g", POLICY), replace(clear(), doubt=Doubt.NO_ANSWER), at(60)).state
    assert decide(state, fire(), at(61)).reason is Reason.OPENED
