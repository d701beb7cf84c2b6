"""The worker over a real queue: any kind of job fits, and no handler can stop the others."""

import asyncio
from dataclasses import dataclass, field

from dexwatch.jobs.job import Job, JobOutcome, JobResult, NewJob
from dexwatch.jobs.queue import Slots
from dexwatch.storage.store import SqlStore
from tests.fakes.queueing import Told, queue_of, run


@dataclass
class Script:
    """A handler that gives the results that it is told, and tells when all are given."""

    results: list[JobResult]
    seen: list[Job] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, job: Job) -> JobResult:
        self.seen.append(job)
        result = self.results.pop(0)
        if not self.results:
            self.ended.set()
        return result


async def test_an_escalation_step_needs_no_channel(store: SqlStore) -> None:
    """A timer: due after its delay, done without effect when nobody needs it any more."""
    step = NewJob(
        kind="escalate",
        queue="timers",
        key="escalate/INC-1/2",
        subject="INC-1",
        payload={"incident_id": "INC-1", "step": 2},
        priority=0,
        delay=0.05,
    )
    script = Script([JobResult.done("acknowledged meanwhile")])
    await run(store, script, step, until=script.ended, slots={"timers": 4})
    assert script.seen[0].payload == {"incident_id": "INC-1", "step": 2}


async def test_a_playbook_step_needs_no_recipient(store: SqlStore) -> None:
    """It may be cut off, and finds out before it acts again."""
    step = NewJob(
        kind="playbook", queue="chain", key="run/7/step/pause", payload={"run": 7}, priority=0
    )
    script = Script(
        [
            JobResult.retry(0, "the node is away"),
            JobResult.uncertain(0, "sent, no receipt yet"),
            JobResult.done("mined"),
        ]
    )
    await run(store, script, step, until=script.ended, slots={"chain": 1})
    assert [job.uncertain for job in script.seen] == [0, 0, 1]
    assert [job.attempts for job in script.seen] == [1, 2, 3]


async def test_an_approval_expires(store: SqlStore) -> None:
    expiry = NewJob(kind="expire", queue="timers", key="approval/9", delay=0.02)
    script = Script([JobResult.dead("nobody approved in time")])
    told: Told = []
    await run(store, script, expiry, until=script.ended, slots={"timers": 1}, told=told)
    assert told == [("approval/9", JobOutcome.DEAD)]


async def test_a_drill_needs_no_incident(store: SqlStore) -> None:
    drill = NewJob(kind="drill", queue="drills", key="drill/slack", max_attempts=3)
    script = Script([JobResult.retry(0, "not answered"), JobResult.done("answered")])
    await run(store, script, drill, until=script.ended, slots={"drills": 1})
    assert {job.subject for job in script.seen} == {""}


async def test_a_periodic_job_goes_on_by_itself(store: SqlStore) -> None:
    job = NewJob(kind="clean", queue="retention", key="clean", priority=9)
    script = Script([JobResult.done(again_after=0.01)] * 4)
    await run(store, script, job, until=script.ended, slots={"retention": 1})
    assert [job.attempts for job in script.seen] == [1, 1, 1, 1]


async def test_a_handler_that_raises_stops_nobody(store: SqlStore) -> None:
    told: Told = []
    done = asyncio.Event()

    async def handler(job: Job) -> JobResult:
        if job.key == "bad":
            raise ValueError("s3cret")
        done.set()
        return JobResult.done()

    jobs = [NewJob(kind="k", queue="q", key=key) for key in ("bad", "good")]
    await run(store, handler, *jobs, until=done, slots={"q": 1}, told=told)
    assert told == [("bad", JobOutcome.CRASHED), ("good", JobOutcome.DONE)]


async def test_a_long_attempt_keeps_its_lease(store: SqlStore) -> None:
    job = NewJob(kind="k", queue="q", key="long", lease=0.3)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: Job) -> JobResult:
        entered.set()
        await leave.wait()
        return JobResult.done()

    running = asyncio.create_task(run(store, slow, job, until=leave, slots={"q": 1}))
    await entered.wait()
    other = queue_of(store)
    for _ in range(8):
        await asyncio.sleep(0.1)
        assert await other.claim(owner="o", slots={"q": Slots(1)}, kinds=["k"]) == []
    leave.set()
    await running


async def test_slow_low_jobs_do_not_hold_up_urgent_ones(store: SqlStore) -> None:
    """Not one urgent job and not several, however slow these are."""
    begun: asyncio.Queue[int] = asyncio.Queue()
    leave = asyncio.Event()

    async def slow(job: Job) -> JobResult:
        begun.put_nowait(job.priority)
        await leave.wait()
        return JobResult.done()

    low = [NewJob(kind="k", queue="q", key=f"low{n}", priority=3) for n in range(20)]
    running = asyncio.create_task(run(store, slow, *low, until=leave, slots={"q": 8}))
    async with asyncio.timeout(20):
        assert [await begun.get() for _ in range(4)] == [3, 3, 3, 3]
        for priority, count in ((2, 2), (1, 1), (0, 1)):
            more = [
                NewJob(kind="k", queue="q", key=f"{priority}/{n}", priority=priority)
                for n in range(9)
            ]
            await store.transact(lambda tx, jobs=more: tx.jobs.add(jobs))
            assert [await begun.get() for _ in range(count)] == [priority] * count
        leave.set()
        await running


async def test_what_is_under_way_is_finished_at_the_end(store: SqlStore) -> None:
    entered, told = asyncio.Event(), []

    async def slow(_: Job) -> JobResult:
        entered.set()
        await asyncio.sleep(0.2)
        return JobResult.done()

    jobs = [NewJob(kind="k", queue="q", key=key) for key in ("a", "b")]
    await run(store, slow, *jobs, until=entered, slots={"q": 1}, told=told)
    assert told == [("a", JobOutcome.DONE)]
    left = await queue_of(store).claim(owner="o", slots={"q": Slots(9)}, kinds=["k"])
    assert [job.key for job in left] == ["b"]
