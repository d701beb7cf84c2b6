"""What is urgent is never given up for an error of ours, and housekeeping comes back."""

from dexwatch.jobs.job import MAX_CRASHES, NewJob
from dexwatch.jobs.queue import Slots
from dexwatch.response.retention import JOB, QUEUE, RETENTION
from dexwatch.storage.store import SqlStore
from tests.fakes.alerts import Ticker

ONE = Slots(1)


async def test_an_urgent_job_that_takes_its_workers_down_is_tried_every_five_minutes(
    store: SqlStore, ticker: Ticker
) -> None:
    urgent = NewJob(kind="page", queue="q", key="p0", priority=0, lease=10.0)
    await store.transact(lambda tx: tx.jobs.add([urgent]))
    for _ in range(MAX_CRASHES):
        assert await store.claim(owner="me", slots={"q": ONE}, kinds=["page"])
        ticker.seconds += 11
    for _ in range(3):
        (job,) = await store.claim(owner="me", slots={"q": ONE}, kinds=["page"])
        assert job.lapsed
        ticker.seconds += 299
        assert await store.claim(owner="me", slots={"q": ONE}, kinds=["page"]) == []
        ticker.seconds += 1
    assert (await store.counts()).quarantined == 0


async def test_a_start_brings_quarantined_housekeeping_back(
    store: SqlStore, ticker: Ticker
) -> None:
    await store.transact(lambda tx: tx.jobs.add([JOB]))
    for _ in range(MAX_CRASHES + 1):
        ticker.seconds += 301
        await store.claim(owner="me", slots={QUEUE: ONE}, kinds=[RETENTION])
    assert (await store.counts()).quarantined == 1
    await store.transact(lambda tx: tx.jobs.add([JOB]))
    ticker.seconds += 301
    (job,) = await store.claim(owner="me", slots={QUEUE: ONE}, kinds=[RETENTION])
    assert (job.crashes, job.lapsed) == (0, False)
    assert (await store.counts()).quarantined == 0


async def test_an_urgent_job_whose_worker_died_is_taken_before_any_number_that_find_no_slot(
    store: SqlStore, ticker: Ticker
) -> None:
    slow = [NewJob(kind="page", queue="full", key=f"{n}", priority=3) for n in range(1000)]
    urgent = NewJob(kind="page", queue="q", key="p0", priority=0)
    await store.transact(lambda tx: tx.jobs.add([*slow, urgent]))
    slots = {"full": Slots(len(slow)), "q": ONE}
    assert len(await store.claim(owner="dead", slots=slots, kinds=["page"])) == len(slow) + 1
    ticker.seconds += 31
    slots = {"full": Slots(0), "q": ONE}
    (job,) = await store.claim(owner="me", slots=slots, kinds=["page"])
    assert (job.key, job.lapsed) == ("p0", True)
