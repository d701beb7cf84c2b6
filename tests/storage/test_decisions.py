"""Decisions and what they leave behind, over SQLite and PostgreSQL alike."""

import asyncio
import traceback
from dataclasses import replace

import pytest
from sqlalchemy import insert, select, text

from dexwatch.incidents.events import (
    Acknowledged,
    AlertFired,
    ManuallyResolved,
    NoteAdded,
    NotificationAttempted,
    Reopened,
)
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from dexwatch.incidents.state import Reason, Summary
from dexwatch.metrics.severity import Severity
from dexwatch.response.actions import ActionRejectedError, act
from dexwatch.response.store import IncidentRecord, RacedError, StoreRefusedError
from dexwatch.response.views import IncidentFilter
from dexwatch.storage import tables
from dexwatch.storage.rows import incident_row
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import POLICY, apply, at, clear, fire

PROVES = ("C-POSTGRES",)
"""Requirements that these tests prove, for `dexwatch coverage`."""

DELIVERED = DeliveryOutcome.DELIVERED


async def test_what_was_written_is_read_back_whole(store: SqlStore) -> None:
    hostile = {"summary": "a\x00b 'x\" <script> \ud800 \u202e é 漢"}
    applied = await apply(store, [fire(annotations=hostile, start=-5)], 0)
    assert applied[0].reason is Reason.OPENED
    assert applied[0].notifications == 3
    view = await store.incident("INC-1")
    assert view is not None
    assert view.incident.policy == POLICY
    assert view.incident.began_at == at(-5)
    assert view.incident.ingested_at == at(0)
    assert "<script>" in view.alerts[0].annotations["summary"]
    assert [e.kind for e in view.timeline] == ["opened"]
    assert await store.incident("INC-2") is None


async def test_an_event_that_cannot_be_decided_is_kept_apart_and_keeps_nobody_waiting(
    store: SqlStore,
) -> None:
    odd = replace(fire("CpuHigh", "P1", alert_group="cpu"), starts_at=None)
    applied = await apply(store, [odd, fire()], 0)
    assert [one.reason for one in applied] == [Reason.QUARANTINED, Reason.OPENED]
    assert (await store.incidents(IncidentFilter())).total == 1
    assert (await store.counts()).quarantined == 1


async def test_an_event_that_the_database_does_not_take_is_kept_apart_too(
    store: SqlStore,
) -> None:
    huge = replace(fire("CpuHigh", "P1", alert_group="cpu"), began_at="not a moment")
    applied = await apply(store, [fire(), huge, fire("Disk", "P3", alert_group="d")], 0)
    assert [one.reason for one in applied] == [
        Reason.OPENED,
        Reason.QUARANTINED,
        Reason.OPENED,
    ]
    assert (await store.incidents(IncidentFilter())).total == 2


async def test_a_refusal_that_is_no_race_is_told_at_once(store: SqlStore) -> None:
    tries, held = 0, "sesame"

    async def nameless(tx) -> None:
        nonlocal tries
        tries += 1
        await tx.events._connection.execute(insert(tables.counters).values(name=held))

    with pytest.raises(StoreRefusedError, match="does not take it") as raised:
        await store.transact(nameless)
    assert tries == 1
    # A log shows the whole trace.
    assert held not in "".join(traceback.format_exception(raised.value))


async def test_a_race_is_tried_again(store: SqlStore) -> None:
    tries = 0

    async def raced(_tx) -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise RacedError("somebody was faster")
        return "done"

    assert await store.transact(raced) == "done"
    assert tries == 3


async def test_the_same_events_at_once_from_many_sides_open_one_incident(
    store: SqlStore, url: str
) -> None:
    others = [await open_store(url) for _ in range(3)]
    events = [fire(f"Rule{n % 4}", "P1", alert_group="api") for n in range(12)]
    sides = [store, *others]
    await asyncio.gather(*(apply(sides[n % 4], [event], 0) for n, event in enumerate(events)))
    listing = await store.incidents(IncidentFilter())
    assert listing.total == 1
    assert listing.firing == {"INC-1": 4}
    for other in others:
        await other.close()


async def test_groups_are_decided_side_by_side(store: SqlStore, url: str) -> None:
    """One group's long transaction holds up no other, where the database has several writers."""
    if not store.database.postgresql:
        return
    other = await open_store(url)
    inside, leave = asyncio.Event(), asyncio.Event()

    async def slowly(tx) -> None:
        await tx.incidents.lock(["alert_group/api/api"])
        inside.set()
        await leave.wait()

    slow = asyncio.create_task(store.transact(slowly))
    await inside.wait()
    async with asyncio.timeout(5):
        assert (await apply(other, [fire("Disk", "P3", alert_group="d")], 0))[
            0
        ].reason is Reason.OPENED
    same = asyncio.create_task(apply(other, [fire()], 0))
    done, _ = await asyncio.wait([same], timeout=0.3)
    assert not done, "the same group waits its turn"
    leave.set()
    await slow
    assert (await same)[0].reason is Reason.OPENED
    await other.close()


async def test_the_database_itself_refuses_a_second_open_incident(store: SqlStore) -> None:
    await apply(store, [fire()], 0)
    view = await store.incident("INC-1")
    second = replace(view.incident, id="INC-9", number=9)
    row = incident_row(IncidentRecord(second, Summary()))

    async def again() -> None:
        async with store.database.write() as connection:
            await connection.execute(insert(tables.incidents).values(row))

    with pytest.raises((StoreRefusedError, RacedError)):
        await again()


async def test_alerts_of_two_sources_with_one_fingerprint_are_two(store: SqlStore) -> None:
    await apply(store, [fire(), replace(fire(), source="grafana")], 0)
    assert {a.source for a in await store.firing()} == {"alertmanager", "grafana"}
    assert [a.source for a in await store.firing("grafana")] == ["grafana"]
    await apply(store, [clear()], 60)
    view = await store.incident("INC-1")
    assert view.incident.unresolved, "the other source still says that it fires"


async def test_acts_of_people_are_applied_once(store: SqlStore) -> None:
    await apply(store, [fire()], 0)
    for _ in range(2):
        await act(store, Acknowledged("INC-1", "bo", "press-1", "on it"), at(5))
        await act(store, NoteAdded("INC-1", "bo", "n1", "looked"), at(6))
    with pytest.raises(ActionRejectedError, match="already acknowledged"):
        await act(store, Acknowledged("INC-1", "ana", "press-2"), at(7))
    await act(store, ManuallyResolved("INC-1", "bo", "r1"), at(8))
    await act(store, Reopened("INC-1", "ana", "o1"), at(9))
    with pytest.raises(ActionRejectedError, match="no such incident"):
        await act(store, ManuallyResolved("INC-7", "bo", "r2"), at(9))
    view = await store.incident("INC-1")
    kinds = [e.kind for e in view.timeline]
    assert kinds == ["opened", "acknowledged", "note", "resolved", "reopened"]
    assert view.incident.owner == "ana"


async def test_a_story_is_told_in_the_order_of_its_decisions(store: SqlStore) -> None:
    """One transaction may have waited for another that began later; a clock may be put back."""
    await apply(store, [fire()], 0)
    await apply(store, [NoteAdded("INC-1", "bo", "1", "first")], 1)
    late = NotificationAttempted("INC-1", "INC-1/1/email/ana@example.org", DELIVERED, 1)
    await apply(store, [replace(late, notification_id="INC-1/1/email/bo@example.org")], 2)
    await apply(store, [late], 5)
    await apply(store, [NoteAdded("INC-1", "bo", "2", "second")], 4)
    view = await store.incident("INC-1")
    assert [(entry.text.split()[0], entry.at) for entry in view.timeline][-2:] == [
        ("The", at(5)),
        ("second", at(4)),
    ]


async def test_incidents_are_listed_newest_first_in_pages_and_by_filter(store: SqlStore) -> None:
    for n in range(7):
        await apply(store, [fire(f"R{n}", f"P{n % 4}", alert_group=f"s{n}_%")], n)
    await act(store, ManuallyResolved("INC-3", "bo", "r"), at(9))
    page = await store.incidents(IncidentFilter(), limit=3)
    assert [i.number for i in page.incidents] == [7, 6, 5]
    page = await store.incidents(IncidentFilter(), limit=9, before=page.next_before)
    assert [i.number for i in page.incidents] == [4, 3, 2, 1]
    assert (page.total, page.next_before) == (7, None)

    async def numbers(**which: object) -> list[int]:
        return [i.number for i in (await store.incidents(IncidentFilter(**which))).incidents]

    assert await numbers(states=frozenset({IncidentState.RESOLVED})) == [3]
    assert await numbers(severities=frozenset({Severity.P0, Severity.P3})) == [5, 4, 1]
    assert await numbers(text="S4_%") == [5]
    assert await numbers(text="' OR 1=1 --") == []
    assert await numbers(since=at(2), until=at(4)) == [4, 3]
    counts = await store.counts()
    assert counts.open == {Severity.P0: 2, Severity.P1: 2, Severity.P2: 1, Severity.P3: 1}


async def test_the_revision_moves_with_every_change_and_with_nothing_else(
    store: SqlStore, url: str
) -> None:
    console = await open_store(url)
    before = await console.revision()
    await apply(store, [fire()], 0)
    opened = await console.revision()
    assert opened != before
    await apply(store, [fire()], 1)
    await apply(store, [fire()], 2)
    assert await console.revision() == opened
    await apply(console, [NoteAdded("INC-1", "bo", "n", "hello")], 3)
    assert await store.revision() != opened
    await console.close()


async def test_an_episode_that_resolves_before_it_fires_opens_nothing(store: SqlStore) -> None:
    await apply(store, [clear()], 70)
    applied = await apply(store, [fire()], 71)
    assert applied[0].reason is Reason.ALREADY_RESOLVED
    assert (await store.incidents(IncidentFilter())).total == 0
    applied = await apply(store, [fire(start=80)], 80)
    assert applied[0].reason is Reason.OPENED


async def test_the_store_remembers_which_things_people_were_paged_for(store: SqlStore) -> None:
    def down(instance: str, start: float) -> AlertFired:
        return fire("DatabaseDown", alert_group="database", instance=instance, start=start)

    await apply(store, [down("main", 0)], 0)
    assert (await apply(store, [down("custody", 60)], 60))[0].notifications == 3
    over = clear("DatabaseDown", alert_group="database", instance="custody", start=60, end=70)
    await apply(store, [over], 70)
    assert (await apply(store, [down("custody", 80)], 80))[0].notifications == 0


async def test_a_returning_fault_continues_its_incident_and_later_opens_a_linked_one(
    store: SqlStore,
) -> None:
    await apply(store, [fire()], 0)
    await apply(store, [clear()], 60)
    assert (await apply(store, [fire(start=90)], 90))[0].reason is Reason.REOPENED_QUIETLY
    await apply(store, [clear(start=90)], 120)
    far = 120 + POLICY.reopen_window.total_seconds() + 1
    assert (await apply(store, [fire(start=far)], far))[0].reason is Reason.OPENED_LINKED
    view = await store.incident("INC-2")
    assert view.incident.previous == "INC-1"
    first = await store.incident("INC-1")
    assert [a.firing for a in first.alerts] == [False], "what it shows is not taken from it"
    assert [a.firing for a in view.alerts] == [True]


async def test_events_are_kept_whole_and_repeats_are_counted(store: SqlStore) -> None:
    raw = {"startsAt": "2026-03-02T08:00:00Z", "odd": ["kept", {"too": 1}]}
    await apply(store, [replace(fire(), raw=raw)], 0)
    for n in range(30):
        await apply(store, [replace(fire(), raw=raw)], n + 1)
    await apply(store, [Acknowledged("INC-1", "bo", "key-1")], 40)
    history = await store.history("INC-1")
    assert [one.reason for one in history] == ["opened", "acknowledged"]
    assert history[0].raw == raw
    assert history[0].event == fire()
    assert history[0].decided_at == at(0)
    async with store.database.read() as connection:
        repeats = (await connection.execute(select(tables.event_repeats.c.repeats))).scalars()
        assert list(repeats) == [30], "thirty repeats are one row"


async def test_a_writer_that_takes_long_makes_others_wait_not_fail(
    store: SqlStore, url: str
) -> None:
    other = await open_store(url)
    inside = asyncio.Event()

    async def slowly() -> None:
        async with store.database.write() as connection:
            await connection.execute(text("UPDATE counters SET value = value"))
            inside.set()
            await asyncio.sleep(0.4)

    slow = asyncio.create_task(slowly())
    await inside.wait()
    assert (await apply(other, [fire()], 0))[0].reason is Reason.OPENED
    await slow
    await other.close()
