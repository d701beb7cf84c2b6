"""One behaviour over SQLite and PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, inspect, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from dexwatch.incidents.events import Acknowledged, AlertFired, NoteAdded
from dexwatch.incidents.records import DeliveryOutcome, IncidentState, NotificationState
from dexwatch.incidents.state import Reason
from dexwatch.metrics.severity import Severity
from dexwatch.response import actions as acts
from dexwatch.response.store import IncidentFilter, StoreUnavailableError
from dexwatch.response.work import Settled, WorkKind, lease_time
from dexwatch.storage import tables
from dexwatch.storage.config import StorageConfig
from dexwatch.storage.database import open_database
from dexwatch.storage.rows import incident_row
from dexwatch.storage.store import SqlStore, open_store
from dexwatch.storage.versions import VERSIONS, NewerSchemaError
from tests.fakes.alerts import POLICY, at, clear, fire

ROOM = {"slack": 4, "email": 4}


async def take(store: SqlStore, seconds: float, owner: str = "me", **room: int) -> list:
    return await store.claim(owner=owner, now=at(seconds), room=room or ROOM)


async def test_what_was_written_is_read_back_whole(store: SqlStore) -> None:
    hostile = {"summary": "a\x00b 'x\" <script> \ud800 \u202e é 漢"}
    applied = await store.apply([fire(annotations=hostile, start=-5)], at(0))
    assert applied[0].reason is Reason.OPENED
    assert applied[0].pages == 3
    view = await store.incident("INC-1")
    assert view is not None
    assert view.incident.policy == POLICY
    assert view.incident.began_at == at(-5)
    assert view.incident.ingested_at == at(0)
    assert "<script>" in view.alerts[0].annotations["summary"]
    assert [e.kind for e in view.timeline] == ["opened"]
    assert await store.incident("INC-2") is None


async def test_facts_of_one_call_are_applied_all_or_none(store: SqlStore) -> None:
    bad = replace(fire("CpuHigh", "P1", alert_group="cpu"), starts_at=None)
    with pytest.raises((StoreUnavailableError, TypeError)):
        await store.apply([fire(), bad], at(0))
    assert (await store.incidents(IncidentFilter())).total == 0
    assert await take(store, 1) == []


async def test_the_same_facts_at_once_from_many_sides_open_one_incident(
    store: SqlStore, url: str
) -> None:
    others = [await open_store(url, POLICY) for _ in range(3)]
    facts = [fire(f"Rule{n % 4}", "P1", alert_group="api") for n in range(12)]
    sides = [store, *others]
    await asyncio.gather(*(sides[n % 4].apply([fact], at(0)) for n, fact in enumerate(facts)))
    listing = await store.incidents(IncidentFilter())
    assert listing.total == 1
    assert listing.firing == {"INC-1": 4}
    for other in others:
        await other.close()


async def test_the_database_itself_refuses_a_second_open_incident_or_alert(
    store: SqlStore,
) -> None:
    await store.apply([fire()], at(0))
    view = await store.incident("INC-1")
    second = incident_row(replace(view.incident, id="INC-9", number=9))
    with pytest.raises(IntegrityError):
        async with store.database.write() as connection:
            await connection.execute(insert(tables.incidents).values(second))
    with pytest.raises(IntegrityError):
        async with store.database.write() as connection:
            await connection.execute(
                text(
                    "INSERT INTO alerts (fingerprint, grp, name, severity, labels, annotations,"
                    " state, began_at, starts_at, ingested_at) SELECT fingerprint, grp, name,"
                    " severity, labels, annotations, state, began_at, starts_at + 1, ingested_at"
                    " FROM alerts"
                )
            )


async def test_due_work_is_taken_once_the_worst_first(store: SqlStore, url: str) -> None:
    await store.apply([fire("CpuUse80", "P2", alert_group="cpu")], at(0))
    await store.apply([fire()], at(1))
    other = await open_store(url, POLICY)
    ours, theirs = await asyncio.gather(
        take(store, 2, slack=1, email=0), take(other, 2, slack=1, email=0)
    )
    taken = sorted((w.severity, w.id) for w in [*ours, *theirs] if w.channel == "slack")
    assert [severity for severity, _ in taken] == [Severity.P0, Severity.P2]
    assert await take(store, 2, slack=0, email=0) == []
    assert len(await take(store, 2, email=9, slack=0)) == 3
    await other.close()


async def test_work_of_a_channel_that_is_gone_is_taken_too(store: SqlStore) -> None:
    await store.apply([fire()], at(0))
    assert {w.channel for w in await take(store, 1, slack=5)} == {"slack", "email"}


async def test_a_lease_that_ran_out_makes_the_page_unknown_and_hastens_the_others(
    store: SqlStore,
) -> None:
    await store.apply([fire()], at(0))
    first = (await take(store, 1, slack=1, email=0))[0]
    email = (await take(store, 1, slack=0, email=1))[0]
    await store.settle(email, Settled(DeliveryOutcome.RETRYABLE, "busy", due_at=at(900)), at(2))
    late = 1 + lease_time(Severity.P0).total_seconds() + 1
    assert await take(store, 3, slack=1, email=0) == []
    again = (await take(store, late, "other", slack=1, email=0))[0]
    assert again.id == first.id
    assert again.doubt
    assert again.attempts == 2
    view = await store.incident("INC-1")
    states = {p.channel: p.state for p in view.pages}
    assert states["slack"] is NotificationState.UNKNOWN
    assert any("not known whether" in e.text for e in view.timeline)
    assert {w.id for w in await take(store, late, slack=0)} | {email.id} >= {email.id}
    # The first holder's late answer counts when it is good news only.
    await store.settle(first, Settled(DeliveryOutcome.RETRYABLE, due_at=at(500)), at(late))
    assert await take(store, 600, slack=1, email=0) != []
    await store.settle(first, Settled(DeliveryOutcome.DELIVERED, handle="C1:1"), at(late))
    assert (await take(store, 1200, slack=1, email=0)) == []


async def test_again_waits_until_it_is_due_and_accepted_ends_it(store: SqlStore) -> None:
    await store.apply([fire("DiskUse60", "P3", alert_group="disk")], at(0))
    work = (await take(store, 0))[0]
    await store.settle(work, Settled(DeliveryOutcome.RETRYABLE, "busy", due_at=at(10)), at(1))
    assert await take(store, 9) == []
    work = (await take(store, 10))[0]
    assert (work.attempts, work.doubt) == (2, False)
    done = Settled(
        DeliveryOutcome.DELIVERED,
        handle="<m@x>",
        last_notified_version=1,
        last_notified_state=IncidentState.OPEN,
    )
    await store.settle(work, done, at(11))
    assert await take(store, 9999) == []
    view = await store.incident("INC-1")
    assert view.pages[0].state is NotificationState.DELIVERED
    assert view.incident.delivered_at == at(11)
    assert (await store.briefing(work)).handle == "<m@x>"


async def test_a_hopeless_page_falls_back_to_another_channel(store: SqlStore) -> None:
    await store.apply([fire("DiskUse60", "P3", alert_group="disk")], at(0))
    work = (await take(store, 0))[0]
    await store.settle(work, Settled(DeliveryOutcome.FAILED, "no such mailbox"), at(1))
    fallback = (await take(store, 1))[0]
    assert (fallback.channel, fallback.event) == ("slack", "fallback")


async def test_updates_asked_for_during_an_attempt_are_not_lost(store: SqlStore) -> None:
    await store.apply([fire("DiskUse60", "P3", alert_group="disk")], at(0))
    page = (await take(store, 0))[0]
    told = Settled(
        DeliveryOutcome.DELIVERED, last_notified_version=1, last_notified_state=IncidentState.OPEN
    )
    await store.settle(page, told, at(1))
    await store.apply([Acknowledged("INC-1", "bo", "1")], at(2))
    update_work = (await take(store, 2))[0]
    assert update_work.kind is WorkKind.UPDATE
    await store.apply([clear("DiskUse60", "P3", alert_group="disk")], at(3))
    assert await take(store, 3) == [], "one update at a time for one recipient"
    await store.settle(update_work, replace(told, last_notified_version=2), at(4))
    more = (await take(store, 4))[0]
    assert (more.id, more.event) == (update_work.id, "resolved")


async def test_acts_of_people_are_applied_once(store: SqlStore) -> None:
    await store.apply([fire()], at(0))
    for _ in range(2):
        await acts.acknowledge(
            store, "INC-1", by="bo", source_id="press-1", now=at(5), note="on it"
        )
        await acts.add_note(store, "INC-1", by="bo", source_id="n1", now=at(6), note="looked")
    with pytest.raises(acts.ActRefusedError, match="already taken"):
        await acts.acknowledge(store, "INC-1", by="ana", source_id="press-2", now=at(7))
    await acts.resolve(store, "INC-1", by="bo", source_id="r1", now=at(8))
    await acts.reopen(store, "INC-1", by="ana", source_id="o1", now=at(9))
    with pytest.raises(acts.ActRefusedError, match="no such incident"):
        await acts.resolve(store, "INC-7", by="bo", source_id="r2", now=at(9))
    view = await acts.get_incident(store, "INC-1")
    kinds = [e.kind for e in view.timeline]
    assert kinds == ["opened", "acknowledged", "note", "resolved", "reopened"]
    assert view.incident.owner == "ana"


async def test_incidents_are_listed_newest_first_in_pages_and_by_filter(store: SqlStore) -> None:
    for n in range(7):
        await store.apply([fire(f"R{n}", f"P{n % 4}", alert_group=f"s{n}_%")], at(n))
    await acts.resolve(store, "INC-3", by="bo", source_id="r", now=at(9))
    page = await acts.list_incidents(store, limit=3)
    assert [i.number for i in page.incidents] == [7, 6, 5]
    page = await acts.list_incidents(store, limit=9, before=page.next_before)
    assert [i.number for i in page.incidents] == [4, 3, 2, 1]
    assert (page.total, page.next_before) == (7, None)

    async def numbers(**which: object) -> list[int]:
        return [i.number for i in (await store.incidents(IncidentFilter(**which))).incidents]

    assert await numbers(states=frozenset({IncidentState.RESOLVED})) == [3]
    assert await numbers(severities=frozenset({Severity.P0, Severity.P3})) == [5, 4, 1]
    assert await numbers(text="S4_%") == [5]
    assert await numbers(text="' OR 1=1 --") == []
    assert await numbers(since=at(2), until=at(4)) == [4, 3]
    counts = await store.counts(at(9))
    assert counts.open == {Severity.P0: 2, Severity.P1: 2, Severity.P2: 1, Severity.P3: 1}
    assert counts.overdue > 0


async def test_the_revision_moves_with_every_change_and_with_nothing_else(
    store: SqlStore, url: str
) -> None:
    console = await open_store(url)
    before = await console.revision()
    await store.apply([fire()], at(0))
    opened = await console.revision()
    assert opened != before
    await store.apply([fire()], at(1))
    assert await console.revision() == opened
    await console.apply([NoteAdded("INC-1", "bo", "n", "hello")], at(2))
    assert await store.revision() != opened
    await console.close()


async def test_an_episode_that_resolves_before_it_fires_opens_nothing(store: SqlStore) -> None:
    await store.apply([clear()], at(70))
    applied = await store.apply([fire()], at(71))
    assert applied[0].reason is Reason.ALREADY_RESOLVED
    assert (await store.incidents(IncidentFilter())).total == 0
    applied = await store.apply([fire(start=80)], at(80))
    assert applied[0].reason is Reason.OPENED


async def test_an_episode_that_fires_long_after_its_resolve_opens_its_incident(
    store: SqlStore,
) -> None:
    await store.apply([clear()], at(70))
    assert (await store.apply([fire()], at(130)))[0].reason is Reason.OPENED
    assert (await store.apply([clear()], at(140)))[0].reason is Reason.ALL_ALERTS_RESOLVED
    assert (await store.apply([fire()], at(200)))[0].reason is Reason.REOPENED_QUIETLY
    assert len(await store.firing()) == 1


async def test_the_store_remembers_which_things_people_were_paged_for(store: SqlStore) -> None:
    def down(instance: str, start: float) -> AlertFired:
        return fire("DatabaseDown", alert_group="database", instance=instance, start=start)

    await store.apply([down("main", 0)], at(0))
    assert (await store.apply([down("custody", 60)], at(60)))[0].pages == 3
    over = clear("DatabaseDown", alert_group="database", instance="custody", start=60, end=70)
    await store.apply([over], at(70))
    assert (await store.apply([down("custody", 80)], at(80)))[0].pages == 0


async def test_calm_work_leaves_room_for_urgent_work(store: SqlStore) -> None:
    for n in range(4):
        await store.apply([fire(f"Disk{n}", "P3", alert_group=f"disk{n}")], at(n))
    calm = {"email": 3, "slack": 3}
    taken = await store.claim(owner="me", now=at(5), room=ROOM, calm=calm)
    assert len(taken) == 3
    room = {"email": 1, "slack": 4}
    assert await store.claim(owner="me", now=at(5), room=room, calm={"email": 0, "slack": 3}) == []
    await store.apply([fire()], at(6))
    more = await store.claim(owner="me", now=at(6), room=room, calm={"email": 0, "slack": 3})
    assert {(w.channel, w.severity) for w in more} == {
        ("email", Severity.P0),
        ("slack", Severity.P0),
    }


async def test_work_whose_lease_ran_out_is_overdue(store: SqlStore) -> None:
    await store.apply([fire("DiskUse60", "P3", alert_group="disk")], at(0))
    (work,) = await take(store, 0)
    lease = (work.lease_until - at(0)).total_seconds()
    assert (await store.counts(at(lease + 1))).overdue == 0
    assert (await store.counts(at(lease + 3))).overdue == 1


async def test_a_returning_fault_continues_its_incident_and_later_opens_a_linked_one(
    store: SqlStore,
) -> None:
    await store.apply([fire()], at(0))
    await store.apply([clear()], at(60))
    assert (await store.apply([fire(start=90)], at(90)))[0].reason is Reason.REOPENED_QUIETLY
    await store.apply([clear(start=90)], at(120))
    far = 120 + POLICY.reopen_window.total_seconds() + 1
    assert (await store.apply([fire(start=far)], at(far)))[0].reason is Reason.OPENED_LINKED
    view = await store.incident("INC-2")
    assert view.incident.previous == "INC-1"
    assert len((await store.incident("INC-1")).alerts) == 2


async def test_the_tables_are_those_that_the_versions_make(store: SqlStore) -> None:
    def columns(connection) -> dict[str, set[tuple[str, bool]]]:
        seen = inspect(connection)
        return {
            name: {(c["name"], c["nullable"]) for c in seen.get_columns(name)}
            for name in seen.get_table_names()
        }

    async with store.database.read() as connection:
        made = await connection.run_sync(columns)
    made.pop("schema_version")
    loosely = {
        t.name: {(c.name, bool(c.nullable)) for c in t.columns}
        for t in tables.metadata.sorted_tables
    }
    assert {n: {c for c, _ in cs} for n, cs in made.items()} == {
        n: {c for c, _ in cs} for n, cs in loosely.items()
    }


async def test_opening_again_or_at_once_is_harmless_and_a_newer_schema_is_refused(
    url: str,
) -> None:
    stores = await asyncio.gather(*(open_store(url) for _ in range(4)))
    for opened in stores:
        await opened.close()
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE schema_version SET version = {len(VERSIONS) + 1}"))
    await engine.dispose()
    with pytest.raises(NewerSchemaError, match="newer dexwatch"):
        await open_database(url)


async def test_a_database_that_cannot_be_reached_says_so(tmp_path) -> None:
    for url in (
        "postgresql+psycopg://nobody:s3cret@127.0.0.1:1/none",
        f"sqlite+aiosqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}",
    ):
        with pytest.raises(StoreUnavailableError) as caught:
            await open_store(url)
        assert "s3cret" not in str(caught.value)
    # The driver's thread says good-bye to the loop, which must still be there.
    await asyncio.sleep(0.1)


async def test_a_writer_that_takes_long_makes_others_wait_not_fail(
    store: SqlStore, url: str
) -> None:
    other = await open_store(url, POLICY)

    async def slowly() -> None:
        async with store.database.write(deciding=True) as connection:
            await connection.execute(update(tables.counters).values(value=tables.counters.c.value))
            await asyncio.sleep(0.5)

    slow = asyncio.create_task(slowly())
    await asyncio.sleep(0.1)
    assert (await other.apply([fire()], at(0)))[0].reason is Reason.OPENED
    await slow
    await other.close()


def test_the_address_comes_from_the_folder_or_the_configuration(tmp_path) -> None:
    assert StorageConfig().database_url(tmp_path).endswith("/dexwatch.sqlite")
    plain = StorageConfig(url="postgresql://u:p@h/d")
    assert plain.database_url(tmp_path) == "postgresql+psycopg://u:p@h/d"
    with pytest.raises(ValueError, match="must begin with postgresql"):
        StorageConfig(url="mysql://h/d")


def test_a_lease_outlasts_the_attempt_it_covers() -> None:
    assert lease_time(Severity.P0) > timedelta(seconds=8)
