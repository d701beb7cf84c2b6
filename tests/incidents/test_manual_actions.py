"""What people do to an incident, and what is said of it."""

from dexwatch.incidents.effects import AddTimeline
from dexwatch.incidents.events import Acknowledged, ManuallyResolved, NoteAdded, Reopened
from dexwatch.incidents.records import IncidentState
from dexwatch.incidents.state import Decision, Reason
from tests.fakes.alerts import clear, fire
from tests.fakes.world import World, paged


def said(decision: Decision) -> str:
    (text,) = (e.entry.text for e in decision.effects if isinstance(e, AddTimeline))
    return text


def test_the_first_who_takes_it_on_keeps_it() -> None:
    w = World()
    w.apply(fire(), 0)
    first = w.apply(Acknowledged("INC-1", "bo", "1", "looking"), 1)
    assert said(first) == "Acknowledged: looking"
    second = w.apply(Acknowledged("INC-1", "ana", "2"), 2)
    assert (second.reason, second.effects) == (Reason.ALREADY_ACKNOWLEDGED, ())
    assert w.incidents["INC-1"].owner == "bo"


def test_what_still_fires_at_a_manual_end_is_counted() -> None:
    w = World()
    w.apply(fire(instance="a"), 0)
    one = w.apply(ManuallyResolved("INC-1", "bo", "1"), 5)
    assert said(one) == "Resolved. At that moment 1 alert still fired."
    again = w.apply(ManuallyResolved("INC-1", "ana", "2"), 6)
    assert (again.reason, again.effects) == (Reason.ALREADY_RESOLVED, ())
    w.apply(Reopened("INC-1", "bo", "3"), 7)
    w.apply(fire(instance="b"), 8)
    two = w.apply(ManuallyResolved("INC-1", "bo", "4"), 9)
    assert said(two) == "Resolved. At that moment 2 alerts still fired."


def test_a_manual_end_does_not_move_the_time_at_which_the_fault_was_over() -> None:
    w = World(confirm=True)
    w.apply(fire(), 0)
    mitigated = w.apply(clear(), 60).state.incident
    resolved = w.apply(ManuallyResolved("INC-1", "bo", "1"), 600)
    assert mitigated is not None
    assert resolved.state.incident is not None
    assert resolved.state.incident.mitigated_at == mitigated.mitigated_at
    assert said(resolved) == "Resolved."


def test_only_what_is_resolved_can_be_brought_back_and_that_pages_nobody() -> None:
    w = World()
    w.apply(fire(), 0)
    early = w.apply(Reopened("INC-1", "bo", "1"), 1)
    assert (early.reason, early.effects) == (Reason.NOT_RESOLVED, ())
    w.apply(ManuallyResolved("INC-1", "bo", "2"), 2)
    back = w.apply(Reopened("INC-1", "ana", "3"), 3)
    incident = w.incidents["INC-1"]
    assert (back.reason, paged(back)) == (Reason.MANUALLY_REOPENED, [])
    assert (incident.state, incident.owner) == (IncidentState.ACKNOWLEDGED, "ana")
    assert (incident.resolved_at, incident.resolved_by, incident.reopened) == (None, None, 1)


def test_a_note_is_kept_as_it_is_and_changes_nothing_else() -> None:
    w = World()
    before = w.apply(fire(), 0).state.incident
    noted = w.apply(NoteAdded("INC-1", "bo", "1", "it is the disk"), 1)
    assert (noted.reason, said(noted)) == (Reason.NOTED, "it is the disk")
    assert before is not None
    assert w.incidents["INC-1"].state is before.state
