"""Decides whether a resolve may be believed.

Alertmanager lets an alert expire that its Prometheus no longer renews, and then tells the same
resolve as for one that is over. Only the evaluator of the alert knows which of both it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Doubt(StrEnum):
    """Why a resolve is not believed yet."""

    NO_ANSWER = "no_answer"
    """The evaluator does not answer, so that the alert may only have expired."""
    STILL_ACTIVE = "still_active"
    """The evaluator has it as firing or pending."""
    JUST_STARTED = "just_started"
    """The evaluator began after the alert, and has not yet had time to find it again."""


@dataclass(frozen=True)
class Evidence:
    """What the evaluator said of its alerts."""

    answered: bool
    active: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """The labels of alerts that are firing or pending, by alert name."""
    started_at: datetime | None = None
    """When its process began; None when no clock can be trusted to tell what was before that."""
    asked_at: datetime | None = None
    """When it was asked, by our clock."""
    settled: bool = True
    """Has it run for long enough to find again whatever holds?"""


SAID: Mapping[Doubt, str] = {
    Doubt.NO_ANSWER: "Prometheus does not answer, so that it may only have expired",
    Doubt.STILL_ACTIVE: "Prometheus still has it",
    Doubt.JUST_STARTED: "Prometheus has just started and may find it again",
}
"""The doubts in words."""


def doubt(labels: Mapping[str, str], starts_at: datetime, evidence: Evidence) -> Doubt | None:
    """Return why the end of an alert, which began at `starts_at`, is not believed; None if it is.

    Senders add labels and cut long ones, so an active alert is taken for the same when no label
    that both have differs: to hold one too many costs less than to end one that goes on.
    """
    if not evidence.answered:
        return Doubt.NO_ANSWER
    for active in evidence.active.get(labels.get("alertname", ""), ()):
        if all(labels.get(name, text) == text for name, text in active.items()):
            return Doubt.STILL_ACTIVE
    known = evidence.started_at is not None and starts_at >= evidence.started_at
    # What begins in the future was dated before the clock was put back.
    known = known and (evidence.asked_at is None or starts_at <= evidence.asked_at)
    return None if known or evidence.settled else Doubt.JUST_STARTED
