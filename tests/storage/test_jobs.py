"""The job queue over SQLite and PostgreSQL: nothing in it knows what a job is about."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from dexwatch.jobs.job import MAX_CRASHES, Hold, IfPlanned, Job, JobOutcome, JobResult, NewJob
from dexwatch.jobs.queue import Slots
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.jobs import SqlJobs
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker

KIND = "test"


async def plan(store: SqlStore, *keys: str, queue: str = "q", **more: object) -> None:
    jobs = [NewJob(kind=KIND, queue=queue, key=key, **{"lease": 10.0} | more) for key in keys]
    await store.transact(lambda tx: tx.jobs.add(jobs))


async def take(
    store: SqlStore, free: int = 9, *, kept: tuple[int, ...] = (), **more: int
) -> list[Job]:
    slots = {"q": Slots(free, kept)} | {name: Slots(count) for name, count in more.items()}
    return await store.claim(owner="me", slots=slots, kinds=[KIND])


async def settle(store: SqlStore, job: Job, result: JobResult) -> bool:
    return await store.transact(lambda tx: tx.jobs.settle(job, result))


def away() -> None:
    raise StoreUnavailableError("away")


async def keys(store: SqlStore, **more: int) -> list[str]:
    return [job.key for job in await take(store, **more)]


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


async def test_a_lease_that_ran_out_makes_the_job_uncertain_and_its_late_result_harmless(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "a")
    (first,) = await take(store)
    ticker.seconds = 9
    assert await take(store) == []
    ticker.seconds = 10
    (second,) = await take(store)
    assert (second.uncertain, second.lapsed, second.attempts) == (1, True, 2)
    assert not await settle(store, first, JobResult.done("late"))
    assert not await settle(store, first, JobResult.retry(0))
    assert not await store.renew(first)
    assert await take(store) == [], "the new holder still has it"
    assert await settle(store, second, JobResult.retry(0))
    (third,) = await take(store)
    assert (third.uncertain, third.lapsed) == (1, False)


async def test_a_renewed_lease_does_not_run_out(store: SqlStore, ticker: Ticker) -> None:
    await plan(store, "a")
    (job,) = await take(store)
    for _ in range(5):
        ticker.seconds += 8
        assert await store.renew(job)
        assert await take(store) == []
    assert await settle(store, job, JobResult.done())


async def test_what_is_known_to_have_had_no_effect_is_certain_again(store: SqlStore) -> None:
    await plan(store, "a")
    (job,) = await take(store)
    assert await settle(store, job, JobResult.uncertain(0))
    (job,) = await take(store)
    assert (job.uncertain, job.lapsed) == (1, False)
    assert await settle(store, job, JobResult(JobOutcome.UNCERTAIN, after=0, certain=True))
    (job,) = await take(store)
    assert job.uncertain == 1


async def test_a_job_that_takes_its_workers_down_is_quarantined(
    store: SqlStore, ticker: Ticker
) -> None:
    await plan(store, "poison")
    for n in range(MAX_CRASHES):
        taken = await take(store)
        assert [job.crashes for job in taken] == [n]
        ticker.seconds += 11
    assert await take(store) == []
    assert (await store.counts()).quarantined == 1
    ticker.seconds += 99999
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


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_clock_that_is_set_ends_no_lease_and_delays_nothing(
    store: SqlStore, ticker: Ticker, step: float
) -> None:
    """It may be set while we run, or while nobody runs."""
    await plan(store, "due")
    await plan(store, "later", delay=60)
    await plan(store, "leased", priority=0)
    (leased,) = await take(store, 1)
    assert leased.key == "leased"
    ticker.step = step
    (due,) = await take(store, 1)
    assert (due.key, due.lapsed) == ("due", False)
    assert await settle(store, due, JobResult.done())
    ticker.seconds = 9.9
    assert "leased" not in await keys(store)
    ticker.seconds = 10
    (again,) = await take(store)
    assert (again.key, again.lapsed) == ("leased", True), "after its lease, not an hour later"
    ticker.seconds = 60
    assert step > 0 or "later" in await keys(store)


async def test_who_shows_that_it_lives_keeps_its_lease_whatever_clocks_say(
    store: SqlStore, url: str, ticker: Ticker
) -> None:
    """Another process looks, and has a wall clock and a steady clock of its own."""
    clock = Ticker()
    clock.step = 3600
    other = await open_store(url, clock=clock, steady=clock.steady)
    await plan(store, "a")
    (job,) = await take(store)
    for _ in range(5):
        assert await take(other) == []
        clock.seconds += 9
        clock.step = -clock.step
        assert await take(other) == []
        assert await store.renew(job)
        clock.seconds += 9
    assert await take(other) == []
    clock.seconds += 10
    (taken,) = await take(other)
    assert taken.lapsed
    assert not await settle(store, job, JobResult.retry(0))
    await other.close()


async def test_time_in_which_the_database_was_away_ends_no_lease(
    store: SqlStore, url: str, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could show that it lives, so it gets its whole lease to do so."""
    await plan(store, "a")
    (job,) = await take(store)
    with monkeypatch.context() as outage:
        outage.setattr(store.database, "read", away)
        ticker.seconds += 60
        with pytest.raises(StoreUnavailableError):
            await take(store)
    ticker.seconds += 9
    assert await take(store) == []
    ticker.seconds += 9
    assert await settle(store, job, JobResult.done())


async def test_a_sign_of_life_between_the_look_and_the_claim_counts(
    store: SqlStore, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plan(store, "a")
    (job,) = await take(store)
    claim = SqlJobs.claim

    async def renewed_meanwhile(self: SqlJobs, **asked: Any) -> list[Job]:
        assert await self.renew(job)
        return await claim(self, **asked)

    monkeypatch.setattr(SqlJobs, "claim", renewed_meanwhile)
    ticker.seconds = 10
    assert await take(store) == []


async def test_overdue_jobs_are_counted(store: SqlStore, ticker: Ticker) -> None:
    await plan(store, "a", "b")
    (job,) = await take(store, 1)
    ticker.seconds = 1.9
    assert (await store.counts()).overdue == 0
    ticker.seconds = 2
    assert (await store.counts()).overdue == 1
    ticker.seconds = job.lease + 3
    assert (await store.counts()).overdue == 2
