"""What is too old is let go, a little at a time; what anybody may still need never is."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.response import actions as acts
from dexwatch.response.retention import Housekeeper
from dexwatch.response.work import Settled
from dexwatch.storage import tables
from dexwatch.storage.store import SqlStore
from tests.fakes.alerts import at, clear, fire

DAY = 86_400.0
ROOM = {"slack": 50, "email": 50}
HELD = ("signals", "alerts", "incidents", "pages", "timeline", "work", "threads")


async def held(store: SqlStore) -> dict[str, int]:
    """Return the number of rows by table."""
    counted = {}
    async with store.database.read() as connection:
        for name in HELD:
            query = select(func.count()).select_from(tables.metadata.tables[name])
            counted[name] = (await connection.execute(query)).scalar_one()
    return counted


async def deliver_all(store: SqlStore, seconds: float) -> None:
    while claimed := await store.claim(owner="me", now=at(seconds), room=ROOM):
        for work in claimed:
            told = Settled(DeliveryOutcome.DELIVERED, handle="h", last_notified_version=99)
            await store.settle(work, told, at(seconds))


async def prune(store: SqlStore, day: float) -> tuple[int, bool]:
    """Prune as on that day of the test, with the default times of keeping."""
    now = at(day * DAY)
    return await store.prune(
        signals_before=now - timedelta(days=30), incidents_before=now - timedelta(days=400)
    )


async def test_a_resolved_incident_goes_whole_when_its_time_is_over(store: SqlStore) -> None:
    await store.apply([fire()], at(0))
    await deliver_all(store, 1)
    await store.apply([clear(end=60)], at(60))
    await deliver_all(store, 3600)
    before = await held(store)
    assert all(before.values()), before
    assert await prune(store, 29) == (0, False)
    assert await prune(store, 31) == (2, False)
    assert await held(store) == {**before, "signals": 0}
    assert await prune(store, 399.9) == (0, False)
    assert (await prune(store, 401))[0] == sum(before.values()) - 2
    assert not any((await held(store)).values())
    # Numbers are never used twice: a link in an old message leads to nothing, not to another.
    applied = await store.apply([fire(start=402 * DAY)], at(402 * DAY))
    assert applied[0].incident_id == "INC-2"


async def test_nothing_of_an_unresolved_incident_is_ever_deleted(store: SqlStore) -> None:
    await store.apply([fire(), fire("CpuHigh", "P1")], at(0))
    await deliver_all(store, 1)
    await store.apply([clear("CpuHigh", "P1", end=60)], at(60))
    await deliver_all(store, 3600)
    before = await held(store)
    assert await prune(store, 4000) == (0, False)
    assert await held(store) == before


async def test_a_closed_incident_stays_while_its_alert_fires_or_a_message_is_due(
    store: SqlStore,
) -> None:
    await store.apply([fire()], at(0))
    await acts.resolve(store, "INC-1", by="ana", now=at(10), source_id="a")
    await store.apply([fire("DiskUse60", "P3", alert_group="disk")], at(20))
    await store.apply([clear("DiskUse60", "P3", alert_group="disk")], at(80))
    before = await held(store)
    await prune(store, 500)
    assert (await held(store))["incidents"] == before["incidents"] == 2


async def test_silenced_alerts_without_an_incident_go_too(store: SqlStore) -> None:
    await store.apply([fire(suppressed_by="silence 1")], at(0))
    assert (await held(store))["incidents"] == 0
    await prune(store, 4000)
    assert (await held(store))["alerts"] == 1
    await store.apply([clear(end=60)], at(60))
    await prune(store, 401)
    assert not any((await held(store)).values())


async def test_the_housekeeper_works_off_a_backlog_in_small_batches(store: SqlStore) -> None:
    for n in range(23):
        subject = f"s{n}"
        await store.apply([fire(alert_group=subject, host=subject)], at(n))
        await store.apply([clear(alert_group=subject, host=subject)], at(n + 60))
    await deliver_all(store, 7200)
    batches = []

    class Watched(SqlStore):
        async def prune(self, **before):
            batches.append(await super().prune(**before))
            return batches[-1]

    keeper = Housekeeper(
        Watched(store.database, store._policy),
        lambda: at(500 * DAY),
        keep_signals=timedelta(days=30),
        keep_incidents=timedelta(days=400),
        every_seconds=0.01,
        pause_seconds=0.01,
    )
    before = sum((await held(store)).values())
    assert await keeper.once(asyncio.Event()) == before
    assert [more for _, more in batches] == [True, True, False]
    assert not any((await held(store)).values())
    stop = asyncio.Event()
    running = asyncio.create_task(keeper.run(stop))
    async with asyncio.timeout(5):
        while len(batches) < 5:
            await asyncio.sleep(0.01)
        stop.set()
        await running
