"""Leases over SQLite and PostgreSQL: no clock that is set and no outage ends one."""

from typing import Any

import pytest

from dexwatch.jobs.job import MAX_CRASHES, Job, JobOutcome, JobResult
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.jobs import SqlJobs
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import Ticker
from tests.fakes.queueing import keys, plan, settle, take


def away() -> None:
    raise StoreUnavailableError("away")


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
