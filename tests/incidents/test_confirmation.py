"""A resolve counts only when whoever evaluates the alert says that it is over."""

from dataclasses import replace

import pytest

from dexwatch.incidents.decide import decide
from dexwatch.incidents.effects import AddTimeline
from dexwatch.incidents.liveness.confirmation import (
    EvaluatorState,
    UnconfirmedReason,
    why_unconfirmed,
)
from dexwatch.incidents.records import IncidentState
from dexwatch.incidents.state import GroupState, Reason
from tests.fakes.alerts import POLICY, at, clear, fire

MINE = {"alertname": "NodeDown", "host": "a", "cluster": "bsc"}


def state(*active: dict[str, str], **changes: object) -> EvaluatorState:
    by_name: dict[str, list[dict[str, str]]] = {}
    for labels in active:
        by_name.setdefault(labels["alertname"], []).append(labels)
    said = EvaluatorState(True, by_name, started_at=at(0), asked_at=at(1000), settled=False)
    return replace(said, **changes)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (state(), None),
        (EvaluatorState(answered=False), UnconfirmedReason.NO_ANSWER),
        (state({"alertname": "NodeDown", "host": "a"}), UnconfirmedReason.STILL_ACTIVE),
        (state({"alertname": "NodeDown", "host": "b"}), None),
        (state({"alertname": "Other", "host": "a"}), None),
        (state(started_at=at(500)), UnconfirmedReason.JUST_STARTED),
        (state(started_at=at(100)), None),
        (state(asked_at=at(100)), None),
        (state(started_at=at(500), settled=True), None),
        (state(started_at=None), UnconfirmedReason.JUST_STARTED),
        # The alert began in the future, so the clock was put back since.
        (state(asked_at=at(50)), UnconfirmedReason.JUST_STARTED),
    ],
)
def test_when_a_resolve_is_confirmed(said: EvaluatorState, why: UnconfirmedReason | None) -> None:
    assert why_unconfirmed(MINE, at(100), said) is why


def test_an_unconfirmed_resolve_changes_nothing_and_the_timeline_says_why() -> None:
    opened = decide(GroupState("g", POLICY), fire(), at(1)).state
    decision = decide(opened, replace(clear(), unconfirmed=UnconfirmedReason.NO_ANSWER), at(60))
    assert decision.reason is Reason.RESOLVE_HELD
    assert decision.state == opened
    (told,) = decision.effects
    assert isinstance(told, AddTimeline)
    assert "Prometheus does not answer" in told.entry.text
    ended = decide(opened, clear(), at(300)).state
    assert ended.incident is not None
    assert ended.incident.state is IncidentState.RESOLVED
    again = decide(ended, replace(clear(), unconfirmed=UnconfirmedReason.NO_ANSWER), at(301))
    assert again.reason is Reason.REPEATED


def test_an_unconfirmed_resolve_of_an_unknown_alert_does_not_prevent_its_firing() -> None:
    state = decide(
        GroupState("g", POLICY), replace(clear(), unconfirmed=UnconfirmedReason.NO_ANSWER), at(60)
    ).state
    assert decide(state, fire(), at(61)).reason is Reason.OPENED
