"""The job queue over SQLite and PostgreSQL: nothing in it knows what a job is about."""

import asyncio
from collections.abc import Mapping

import pytest

from dexwatch.jobs.job import MAX_CRASHES, Hold, IfPlanned, Job, JobOutcome, JobResult, NewJob
from dexwatch.storage.jobs import SqlJobs
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker
from tests.fakes.queueing import keys, plan, settle, take


async def test_a_key_is_planned_once_and_ended_jobs_stay_ended(store: SqlStore) -> None:
    await plan(store, "a")
    await plan(store, "a")
    (job,) = await take(store)
    assert await settle(store, job, JobResult.done())
    await plan(store, "a")
    assert await take(store) == []


async def test_each_job_is_claimed_by_one_and_the_most_urgent_first(
    store: SqlStore, url: str, ticker: Ticker
) -> None:
    other = await open_store(url, clock=ticker, steady=ticker.steady)
    for n in range(6):
        await plan(store, f"j{n}", priority=5 - n)
    ours, theirs = await asyncio.gather(take(store, 3), take(other, 3))
    assert len({job.key for job in [*ours, *theirs]}) == 6
    assert [job.priority for job in ours] == sorted(job.priority for job in ours)
    await other.close()


async def test_a_job_is_due_after_its_delay_and_tried_again_after_a_retry(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "a", delay=5)
    assert await take(store) == []
    ticker.seconds = 5
    (job,) = await take(store)
    assert (job.attempts, job.age) == (1, 5)
    assert await settle(store, job, JobResult.retry(30, "busy"))
    ticker.seconds = 34.9
    assert await take(store) == []
    ticker.seconds = 35
    (job,) = await take(store)
    assert (job.attempts, job.uncertain, job.lapsed) == (2, 0, False)
    assert await settle(store, job, JobResult.retry(1, attempted=False))
    ticker.seconds = 36
    (job,) = await take(store)
    assert job.attempts == 2, "what was not attempted does not count"


async def test_slots_that_are_kept_for_the_more_urgent_are_left_to_them(store: SqlStore) -> None:
    await plan(store, *(f"low{n}" for n in range(4)), priority=9)
    assert len(await take(store, 4, kept=(0, 0, 1, 2))) == 2
    await plan(store, "p1", "another", priority=1)
    await plan(store, "p0", priority=0)
    taken = await take(store, 2, kept=(0, 1, 1, 2))
    assert [job.key for job in taken] == ["p0"]
    assert [job.key for job in await take(store, 2, kept=(0, 1, 1, 2))] == ["p1"]


async def test_jobs_of_a_queue_that_nobody_serves_are_taken_too(store: SqlStore) -> None:
    await plan(store, "a", queue="gone")
    assert await keys(store) == ["a"]


async def test_jobs_of_another_kind_are_left_for_others(store: SqlStore) -> None:
    await store.transact(lambda tx: tx.jobs.add([NewJob(kind="other", queue="q", key="o")]))
    assert await take(store) == []


async def test_a_handler_that_raises_again_and_again_is_quarantined(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "poison")
    crashed = JobResult(JobOutcome.CRASHED, "TypeError", 1.0)
    for _ in range(MAX_CRASHES):
        (job,) = await take(store)
        assert await settle(store, job, crashed)
        ticker.seconds += 1
    assert await take(store) == []
    assert (await store.counts()).quarantined == 1


async def test_attempts_are_bounded_when_the_job_says_so(store: SqlStore) -> None:
    await plan(store, "a", max_attempts=2)
    for _ in range(2):
        (job,) = await take(store)
        assert await settle(store, job, JobResult.retry(0))
    assert await take(store) == []


async def test_a_wish_during_an_attempt_is_not_lost(store: SqlStore, ticker: Ticker) -> None:
    again = {"if_planned": IfPlanned.RENEW}
    await plan(store, "a", payload={"n": 1}, **again)
    (job,) = await take(store)
    await plan(store, "a", payload={"n": 2}, **again)
    assert await take(store) == [], "one attempt at a time"
    assert await settle(store, job, JobResult.done())
    (job,) = await take(store)
    assert (job.payload, job.attempts) == ({"n": 2}, 1)
    assert await settle(store, job, JobResult.done())
    assert await take(store) == []
    ticker.seconds = 50
    await plan(store, "a", payload={"n": 3}, delay=10, **again)
    await plan(store, "a", payload={"n": 4}, delay=600, **again)
    ticker.seconds = 60
    (job,) = await take(store)
    assert (job.payload, job.age) == ({"n": 4}, 10)


async def test_a_wish_that_comes_while_the_attempt_is_settled_is_not_lost(
    store: SqlStore, url: str, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await open_store(url, clock=ticker, steady=ticker.steady)
    again = {"if_planned": IfPlanned.RENEW}
    await plan(store, "a", payload={"n": 1}, **again)
    (job,) = await take(store)
    change, wishes = SqlJobs._change, []

    async def wished_meanwhile(self: SqlJobs, job: Job, values: Mapping[str, object]) -> bool:
        wishes.append(asyncio.create_task(plan(other, "a", payload={"n": 2}, **again)))
        await asyncio.wait(wishes, timeout=0.3)
        return await change(self, job, values)

    monkeypatch.setattr(SqlJobs, "_change", wished_meanwhile)
    assert await settle(store, job, JobResult.done())
    await asyncio.gather(*wishes)
    (job,) = await take(store)
    assert (job.payload, job.attempts) == ({"n": 2}, 1)
    await other.close()


async def test_a_periodic_job_plans_itself(store: SqlStore, ticker: Ticker) -> None:
    await plan(store, "clean", priority=9)
    for _ in range(3):
        (job,) = await take(store)
        assert (job.attempts, job.age) == (1, 0)
        assert await settle(store, job, JobResult.done(again_after=300))
        ticker.seconds += 299
        assert await take(store) == []
        ticker.seconds += 1


async def test_a_hold_holds_the_queue_and_not_only_the_job_that_met_it(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "a", "b", "c")
    await plan(store, "p0", delay=1, priority=0)
    job = (await take(store, 1))[0]
    assert await settle(store, job, JobResult.retry(60, "slow down", hold=Hold(60)))
    ticker.seconds = 1
    (urgent,) = await take(store)
    assert (urgent.key, urgent.held_for) == ("p0", 59)
    assert await settle(store, urgent, JobResult.retry(urgent.held_for, attempted=False))
    await store.transact(lambda tx: tx.jobs.expedite(["p0", "b"]))
    assert [job.held_for for job in await take(store)] == [59], "nobody jumps the queue"
    ticker.seconds = 60
    assert sorted(await keys(store)) == ["a", "b", "c", "p0"]


async def test_a_hold_of_one_lane_leaves_the_others_alone(store: SqlStore, ticker: Ticker) -> None:
    await plan(store, "a", lane="one")
    (job,) = await take(store)
    await plan(store, "b", lane="one")
    await plan(store, "c", lane="two")
    assert await settle(store, job, JobResult.retry(60, hold=Hold(60, "one")))
    assert await keys(store) == ["c"]


async def test_a_later_hold_is_not_cut_short_by_a_shorter_one(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "a", "b", "c")
    a, b, _ = await take(store)
    assert await settle(store, a, JobResult.retry(0, hold=Hold(60)))
    assert await settle(store, b, JobResult.retry(0, hold=Hold(5)))
    ticker.seconds = 59
    assert await take(store) == []


async def test_expediting_makes_what_waits_due_and_touches_nothing_else(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "waits", delay=900)
    await plan(store, "runs")
    (runs,) = await take(store)
    await store.transact(lambda tx: tx.jobs.expedite(["waits", "runs", "unknown"]))
    assert await keys(store) == ["waits"]
    assert await settle(store, runs, JobResult.done())


async def test_overdue_jobs_are_counted(store: SqlStore, ticker: Ticker) -> None:
    await plan(store, "a", "b")
    (job,) = await take(store, 1)
    ticker.seconds = 1.9
    assert (await store.counts()).overdue == 0
    ticker.seconds = 2
    assert (await store.counts()).overdue == 1
    ticker.seconds = job.lease + 3
    assert (await store.counts()).overdue == 2
