"""What is too old is let go, a little at a time; what anybody may still need never is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from dexwatch.clock import Clock
from dexwatch.incidents.events import ManuallyResolved
from dexwatch.incidents.records import IncidentState
from dexwatch.incidents.state import Reason
from dexwatch.jobs.job import JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.response.actions import act
from dexwatch.response.apply import apply_in
from dexwatch.response.clock_trust import ClockTrust
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.messaging.job import message_of
from dexwatch.response.retention import JOB, RETENTION, Retention
from dexwatch.response.store import Transaction
from dexwatch.response.views import MessageShown
from dexwatch.storage import tables
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import POLICY, Ticker, apply, at, clear, fire

DAY = 86_400.0
HELD = (
    "events",
    "event_repeats",
    "groups",
    "alerts",
    "incident_alerts",
    "incidents",
    "notifications",
    "timeline",
    "jobs",
    "delivery_threads",
)


async def held(store: SqlStore) -> dict[str, int]:
    """Return the number of rows by table."""
    counted = {}
    async with store.database.read() as connection:
        for name in HELD:
            query = select(func.count()).select_from(tables.metadata.tables[name])
            counted[name] = (await connection.execute(query)).scalar_one()
    return counted


async def deliver_all(store: SqlStore) -> None:
    slots = {"slack": Slots(50), "email": Slots(50)}
    while claimed := await store.claim(owner="me", slots=slots, kinds=["notify", "update"]):
        for job in claimed:
            message = message_of(job)
            shown = MessageShown(
                job.subject, message.channel, message.recipient, "h", 99, IncidentState.OPEN
            )

            async def told(tx, job=job, shown=shown) -> None:
                await tx.notifications.shown([shown], at(0))
                await tx.jobs.settle(job, JobResult.done())

            await store.transact(told)


def retention(
    store: SqlStore, clock: Clock, stepped: Callable[[float], None] = lambda _: None
) -> Retention:
    """The handler, with the default times of keeping."""
    return Retention(
        store,
        clock,
        keep_events=timedelta(days=30),
        keep_incidents=timedelta(days=400),
        stepped=stepped,
    )


async def look(store: SqlStore, handler: Retention) -> JobResult:
    """Do the job once more."""
    await store.transact(lambda tx: tx.jobs.add([replace(JOB, delay=0.0)]))
    (job,) = await store.claim(owner="me", slots={JOB.queue: Slots(1)}, kinds=[RETENTION])
    result = await handler(job)
    await store.transact(lambda tx: tx.jobs.settle(job, result))
    return result


async def prune(store: SqlStore, day: float) -> tuple[int, bool]:
    """Prune as on that day of the test, with the default times of keeping."""
    now = at(day * DAY)
    return await store.prune(
        events_before=now - timedelta(days=30), incidents_before=now - timedelta(days=400)
    )


async def test_a_resolved_incident_goes_whole_when_its_time_is_over(
    store: SqlStore, ticker: Ticker
) -> None:
    await apply(store, [fire()], 0)
    await apply(store, [fire()], 1)
    await deliver_all(store)
    await apply(store, [clear(end=60)], 60)
    ticker.seconds = 3600
    await deliver_all(store)
    before = await held(store)
    assert all(before.values()), before
    assert await prune(store, 29) == (0, False)
    assert await prune(store, 31) == (1, False)
    assert await held(store) == {**before, "event_repeats": 0}, "its events stay with it"
    assert await prune(store, 399.9) == (0, False)
    assert (await prune(store, 401))[0] == sum(before.values()) - 1
    assert not any((await held(store)).values())
    # Numbers are never used twice: a link in an old message leads to nothing, not to another.
    applied = await apply(store, [fire(start=402 * DAY)], 402 * DAY)
    assert applied[0].incident_id == "INC-2"


async def test_nothing_of_an_unresolved_incident_is_ever_deleted(
    store: SqlStore, ticker: Ticker
) -> None:
    await apply(store, [fire(), fire("CpuHigh", "P1")], 0)
    await deliver_all(store)
    await apply(store, [clear("CpuHigh", "P1", end=60)], 60)
    ticker.seconds = 3600
    await deliver_all(store)
    before = await held(store)
    assert await prune(store, 4000) == (0, False)
    assert await held(store) == before


async def test_a_closed_incident_stays_while_its_alert_fires_or_a_message_is_due(
    store: SqlStore,
) -> None:
    await apply(store, [fire()], 0)
    await act(store, ManuallyResolved("INC-1", "ana", "a"), at(10))
    await apply(store, [fire("DiskUse60", "P3", alert_group="disk")], 20)
    await apply(store, [clear("DiskUse60", "P3", alert_group="disk")], 80)
    before = await held(store)
    await prune(store, 500)
    assert (await held(store))["incidents"] == before["incidents"] == 2


async def test_silenced_alerts_without_an_incident_go_too(store: SqlStore) -> None:
    await apply(store, [fire(suppressed_by="silence 1")], 0)
    assert (await held(store))["incidents"] == 0
    await prune(store, 4000)
    assert (await held(store))["alerts"] == 1
    await apply(store, [clear(end=60)], 60)
    await prune(store, 401)
    left = await held(store)
    assert not left["alerts"]
    assert not left["events"]


async def test_the_retention_job_works_off_a_backlog_in_small_batches(
    store: SqlStore, ticker: Ticker
) -> None:
    for n in range(23):
        subject = f"s{n}"
        await apply(store, [fire(alert_group=subject, host=subject)], n)
        await apply(store, [clear(alert_group=subject, host=subject)], n + 60)
    ticker.seconds = 7200
    await deliver_all(store)
    await store.transact(lambda tx: tx.clock_trust.save(ClockTrust(at(500 * DAY), at(500 * DAY))))
    handler = retention(store, lambda: at(500 * DAY))
    await store.transact(lambda tx: tx.jobs.add([JOB]))
    ticker.seconds += 300
    waits = []
    while waits[-1:] != [300.0]:
        (job,) = await store.claim(owner="me", slots={JOB.queue: Slots(1)}, kinds=[RETENTION])
        result = await handler(job)
        await store.transact(lambda tx, job=job, result=result: tx.jobs.settle(job, result))
        waits.append(result.after)
        ticker.seconds += result.after
    assert waits == [1.0, 1.0, 300.0]
    assert (await held(store)) == dict.fromkeys(HELD, 0) | {"jobs": 1}


async def test_a_clock_that_steps_ahead_for_hours_deletes_nothing_and_is_told(
    store: SqlStore, ticker: Ticker
) -> None:
    await apply(store, [fire()], 0)
    await deliver_all(store)
    await apply(store, [clear(end=60)], 60)
    await deliver_all(store)
    believed = ClockTrust(at(3600), at(3600))
    await store.transact(lambda tx: tx.clock_trust.save(believed))
    told: list[float] = []
    incident = await store.incident("INC-1")
    ticker.seconds, ticker.step = 3900, 500 * DAY
    # Another process takes the job over after each look: what was found lies in the database.
    for _ in range(60):
        result = await look(store, retention(store, ticker, told.append))
        assert result.after == 300
        ticker.seconds += 300
    assert await store.incident("INC-1") == incident
    assert told[0] == 500 * DAY + 300
    ticker.step = 0
    await look(store, retention(store, ticker, told.append))
    assert told[-1] == 0
    assert await store.incident("INC-1") == incident


async def test_a_clock_that_has_run_evenly_for_three_days_is_believed(
    store: SqlStore, ticker: Ticker
) -> None:
    """So it is after a long time in which nobody looked, and after the first start."""
    await apply(store, [fire()], 0)
    await deliver_all(store)
    await apply(store, [clear(end=60)], 60)
    await deliver_all(store)
    ticker.seconds = 500 * DAY
    nearly = ClockTrust(at(500 * DAY - 300), even_seconds=3 * DAY - 900)
    await store.transact(lambda tx: tx.clock_trust.save(nearly))
    handler = retention(store, ticker)
    kept = []
    for _ in range(3):
        await look(store, handler)
        kept.append(await store.incident("INC-1") is not None)
        ticker.seconds += 300
    assert kept == [True, True, False]


async def test_a_group_that_is_being_decided_about_stays(
    url: str, store: SqlStore, ticker: Ticker
) -> None:
    if not store.database.postgresql:
        pytest.skip("SQLite lets one write at a time")
    await apply(store, [fire()], 0)
    await apply(store, [clear(end=60)], 60)
    ticker.seconds = 3600
    await deliver_all(store)
    other = await open_store(url)
    again = [fire("Other", start=402 * DAY)]

    async def decide(tx: Transaction) -> list[Applied]:
        applied = await apply_in(tx, again, at(402 * DAY), policy=POLICY)
        async with asyncio.timeout(10):
            assert (await prune(other, 402))[0]
        return applied

    (opened,) = await store.transact(decide)
    await other.close()
    (repeated,) = await apply(store, again, 402 * DAY + 60)
    assert (opened.incident_id, repeated.reason) == ("INC-2", Reason.REPEATED)
