"""Decides whether a resolve is confirmed by whoever evaluates the alert.

Alertmanager lets an alert expire that its Prometheus no longer renews, and then sends the same
resolve as for one that is over. Only the evaluator of the alert can tell the two apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class UnconfirmedReason(StrEnum):
    """Why a resolve is not confirmed yet."""

    NO_ANSWER = "no_answer"
    """The evaluator does not answer, so that the alert may only have expired."""
    STILL_ACTIVE = "still_active"
    """The evaluator has it as firing or pending."""
    JUST_STARTED = "just_started"
    """The evaluator began after the alert, and has not yet had time to find it again."""


@dataclass(frozen=True)
class EvaluatorState:
    """The evaluator's active alerts when it was asked, and since when it runs."""

    answered: bool
    active: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """The labels of alerts that are firing or pending, by alert name."""
    started_at: datetime | None = None
    """When its process began; None when no clock can be trusted to tell what was before that."""
    asked_at: datetime | None = None
    """When it was asked, by our clock."""
    settled: bool = True
    """Has it run for long enough to find again whatever holds?"""


EXPLANATIONS: Mapping[UnconfirmedReason, str] = {
    UnconfirmedReason.NO_ANSWER: "Prometheus does not answer, so that it may only have expired",
    UnconfirmedReason.STILL_ACTIVE: "Prometheus still has it",
    UnconfirmedReason.JUST_STARTED: "Prometheus has just started and may find it again",
}
"""The reasons in words, for the timeline."""


def why_unconfirmed(
    labels: Mapping[str, str], starts_at: datetime, state: EvaluatorState
) -> UnconfirmedReason | None:
    """Return why the resolve of an alert that began at `starts_at` is not confirmed; None if it is.

    Senders add labels and cut long ones, so an active alert is taken for the same when no label
    that both have differs: to hold one resolve too many is better than to end an active alert.
    """
    if not state.answered:
        return UnconfirmedReason.NO_ANSWER
    for active in state.active.get(labels.get("alertname", ""), ()):
        if all(labels.get(name, text) == text for name, text in active.items()):
            return UnconfirmedReason.STILL_ACTIVE
    known = state.started_at is not None and starts_at >= state.started_at
    # What begins in the future was dated before the clock was put back.
    known = known and (state.asked_at is None or starts_at <= state.asked_at)
    return None if known or state.settled else UnconfirmedReason.JUST_STARTED
