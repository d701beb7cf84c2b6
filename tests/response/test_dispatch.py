"""One message, one attempt, one honest result."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.notice import Chart, Notice
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import DeliveryOutcome, NotificationState
from dexwatch.jobs.job import Job, JobOutcome, JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.metrics.severity import Severity
from dexwatch.response.messaging import dispatch as module
from dexwatch.response.messaging.chart import ChartRequest
from dexwatch.response.messaging.dispatch import Dispatcher
from dexwatch.response.messaging.job import NOTIFY, UPDATE
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.notifier import DeliveryResult, LookupResult
from dexwatch.storage.store import SqlStore, open_store
from tests.fakes.alerts import ANA, POLICY, SLACK, Ticker, apply, at, clear, fire
from tests.fakes.notices import CHART

SAYS = {
    "summary": "s",
    "query": "up",
    "unit": "ratio",
    "threshold": "0.5",
    "runbook_url": "/runbooks/X",
}


@dataclass
class Channel:
    """A notifier that does as it is told."""

    name: str = "email"
    parallel: int = 2
    only_state_changes: bool = True
    shows_chart: bool = True
    shared_limit: bool = True
    attempt_seconds: float | None = None
    sent: list[Notice] = field(default_factory=list)
    answers: list[DeliveryResult | Exception] = field(default_factory=list)
    """Given one after the other; then every message is delivered."""
    found: bool | None = None
    takes: float = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send(self, notice: Notice) -> DeliveryResult:
        self.sent.append(notice)
        await asyncio.sleep(self.takes)
        answer = self.answers.pop(0) if self.answers else DeliveryResult.delivered(handle="h")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def lookup(self, notice: Notice) -> LookupResult:
        return LookupResult(self.found, "found")


class Charts:
    def __init__(self, takes: float) -> None:
        self.takes = takes

    async def chart(self, request: ChartRequest) -> Chart | None:
        await asyncio.sleep(self.takes)
        assert (request.query, request.unit, request.threshold) == ("up", "ratio", 0.5)
        return CHART


@dataclass
class Desk:
    """A store, channels, and a clock; jobs are done one at a time when the test says so."""

    store: SqlStore
    clock: Ticker
    channels: dict[str, Channel]
    charts: Charts | None = None
    policy: Policy = POLICY

    def __post_init__(self) -> None:
        self.queue = ResponseQueue(self.store, self.clock, self.policy)

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.store, self.channels, self.clock, public_url="http://c/", charts=self.charts
        )

    async def apply(self, *events: object) -> None:
        await apply(self.store, events, self.clock.seconds, self.policy)

    async def take(self, channel: str = "email", free: int = 1) -> list[Job]:
        slots = {"slack": Slots(0, 0), "email": Slots(0, 0)} | {channel: Slots(free, free)}
        return await self.queue.claim(owner="me", slots=slots, kinds=[NOTIFY, UPDATE])

    async def do(self, job: Job) -> JobResult:
        result = await self.dispatcher()(job)
        await self.queue.settle(job, result)
        return result

    async def work(self, until: float) -> None:
        """Do all that becomes due until then, in steps of a second."""
        while self.clock.seconds <= until:
            for channel in ("slack", "email"):
                for job in await self.take(channel, 9):
                    await self.do(job)
            self.clock.seconds += 1

    async def states(self) -> dict[str, NotificationState]:
        view = await self.store.incident("INC-1")
        return {n.recipient: n.state for n in view.notifications}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = Ticker()
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'd.sqlite'}", clock=clock)
    yield Desk(store, clock, {"slack": Channel("slack"), "email": Channel("email")})
    await store.close()


async def test_a_page_carries_its_chart_and_its_addresses(desk: Desk) -> None:
    desk.charts = Charts(0)
    await desk.apply(fire(annotations=SAYS))
    (job,) = await desk.take()
    assert (await desk.do(job)).outcome is JobOutcome.DONE
    notice = desk.channels["email"].sent[0]
    assert notice.chart is CHART
    assert notice.console_url == "http://c/incidents/INC-1"
    assert notice.runbook_url == "http://c/runbooks/X"


async def test_a_p0_does_not_wait_for_a_slow_chart(desk: Desk) -> None:
    desk.charts = Charts(30)
    await desk.apply(fire(annotations=SAYS))
    (job,) = await desk.take()
    async with asyncio.timeout(5):
        await desk.do(job)
    assert desk.channels["email"].sent[0].chart is None


async def test_a_broken_notifier_is_tried_again_and_its_words_are_not_told(desk: Desk) -> None:
    desk.channels["email"].answers = [RuntimeError("s3cret")]
    await desk.apply(fire())
    (job,) = await desk.take()
    result = await desk.do(job)
    assert result.outcome is JobOutcome.RETRY
    assert "s3cret" not in repr(result)


async def test_an_attempt_without_an_answer_is_uncertain(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "send_timeout", lambda _: 0.05)
    desk.channels["email"].takes = 5
    await desk.apply(fire())
    (job,) = await desk.take()
    assert (await desk.do(job)).outcome is JobOutcome.UNCERTAIN


async def test_a_slow_server_is_waited_for_while_an_urgent_page_takes_another_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "send_timeout", lambda _: 0.05)
    desk.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (SLACK,)})
    slow = desk.channels["email"]
    slow.takes, slow.attempt_seconds = 0.4, 10
    await desk.apply(fire())
    (job,) = await desk.take()
    sending = asyncio.create_task(desk.do(job))
    await asyncio.sleep(0.25)
    (fallback,) = await desk.take("slack")
    assert fallback.payload["reason"] == "fallback"
    assert (await sending).outcome is JobOutcome.DONE
    assert len(slow.sent) == 1


@pytest.mark.parametrize(("found", "sends"), [(True, 0), (False, 1), (None, 1)])
async def test_after_a_cut_the_receiver_is_asked_first_and_others_are_told_at_once(
    desk: Desk, found: bool | None, sends: int
) -> None:
    desk.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (SLACK,)})
    await desk.apply(fire())
    await desk.take()
    desk.clock.seconds = 60
    (job,) = await desk.take()
    assert job.lapsed
    desk.channels["email"].found = found
    assert (await desk.do(job)).outcome is JobOutcome.DONE
    assert len(desk.channels["email"].sent) == sends
    (fallback,) = await desk.take("slack")
    assert fallback.payload["reason"] == "fallback"


async def test_a_message_that_may_have_arrived_is_not_sent_over_and_over(desk: Desk) -> None:
    """A mail server that breaks off after the message: one copy more, then other ways, then few."""
    lost = DeliveryResult.unknown("the connection broke")
    desk.policy = Policy(routes={Severity.P0: (ANA,)})
    desk.channels["email"].answers = [lost] * 500
    await desk.apply(fire())
    await desk.work(60)
    assert len(desk.channels["email"].sent) == 2
    await desk.work(3600)
    assert 3 <= len(desk.channels["email"].sent) <= 6, "an unreachable team is tried now and then"


async def test_a_message_that_may_have_arrived_is_left_alone_once_others_have_it(
    desk: Desk,
) -> None:
    desk.channels["email"].answers = [DeliveryResult.unknown("the connection broke")] * 500
    await desk.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await desk.work(300)
    assert len(desk.channels["email"].sent) == 2
    desk.policy = Policy(routes={Severity.P0: (SLACK, ANA)})
    desk.channels["email"].sent.clear()
    await desk.apply(fire(alert_group="other"))
    await desk.work(4000)
    assert len(desk.channels["email"].sent) == 2


async def test_channels_that_fail_together_do_not_hasten_each_other(desk: Desk) -> None:
    """Each is tried about as often as it would be alone: some fifteen times in five minutes."""
    desk.policy = Policy(routes={Severity.P0: (SLACK, ANA)})
    for channel in desk.channels.values():
        channel.answers = [DeliveryResult.retryable("down")] * 5000
    await desk.apply(fire())
    await desk.work(300)
    for channel in desk.channels.values():
        assert 10 <= len(channel.sent) <= 17


async def test_retry_after_holds_back_the_channel_whatever_the_others_do(desk: Desk) -> None:
    desk.policy = Policy(routes={Severity.P0: (SLACK, ANA)})
    desk.channels["slack"].answers = [DeliveryResult.retryable("slow", retry_after=60)] * 500
    desk.channels["email"].answers = [DeliveryResult.retryable("down")] * 500
    await desk.apply(fire())
    await desk.work(2)
    await desk.apply(fire("CpuUse80", "P0", alert_group="cpu"))
    await desk.work(59)
    assert len(desk.channels["slack"].sent) == 1, "the second incident's page waits as well"
    await desk.work(200)
    assert len(desk.channels["slack"].sent) <= 7, "two pages, once a minute each"


async def test_an_urgent_page_that_meets_a_held_channel_takes_another_way(desk: Desk) -> None:
    desk.policy = Policy(routes={Severity.P0: (SLACK,), Severity.P3: (ANA,)})
    desk.channels["slack"].answers = [DeliveryResult.retryable("slow", retry_after=120)]
    await desk.apply(fire("CpuUse80", "P0", alert_group="cpu"))
    await desk.work(3)
    await desk.apply(fire())
    await desk.work(6)
    assert {n.incident_id for n in desk.channels["email"].sent} == {"INC-1", "INC-2"}


async def test_a_permanent_failure_takes_another_way_at_once(desk: Desk) -> None:
    desk.channels["email"].answers = [DeliveryResult.failed("no such mailbox")]
    await desk.apply(fire("DiskUse60", "P3"))
    (job,) = await desk.take()
    assert (await desk.do(job)).outcome is JobOutcome.DEAD
    (fallback,) = await desk.take("slack")
    assert (await desk.do(fallback)).outcome is JobOutcome.DONE
    states = await desk.states()
    assert states["bo@example.org"] is NotificationState.FAILED


async def test_a_p0_is_delivered_at_once_though_the_clock_was_put_back_an_hour(
    desk: Desk,
) -> None:
    """The wall clock steps; the database's clock does not."""
    await apply(desk.store, [fire()], 7200)
    await apply(desk.store, [clear(end=7300)], 7300)
    await apply(desk.store, [fire("DatabaseDown", "P0", start=3700)], 3700)
    desk.clock.seconds = 1
    assert {job.payload["notification_id"] for job in await desk.take(free=9)} >= {
        "INC-1/1/email/ana@example.org"
    }
    later = await desk.store.incident("INC-1")
    assert later.incident.changed_at >= at(7300), "in the story time does not run backwards"


async def test_an_update_waits_for_its_page_and_tells_nothing_twice(desk: Desk) -> None:
    await desk.apply(fire("DiskUse60", "P3", annotations=SAYS))
    (page,) = await desk.take()
    desk.clock.seconds = 1
    await desk.apply(Acknowledged("INC-1", "bo", "1"))
    (update,) = await desk.take()
    assert update.kind == UPDATE
    early = await desk.do(update)
    sent = desk.channels["email"].sent
    assert (early.outcome, early.attempted, sent) == (JobOutcome.RETRY, False, [])
    # The page goes out after the acknowledgement and shows it: nothing is left to tell.
    await desk.do(page)
    desk.clock.seconds = 20
    (update,) = await desk.take()
    assert (await desk.do(update)).detail == "nothing new"
    desk.clock.seconds = 30
    await desk.apply(clear("DiskUse60", "P3"))
    (update,) = await desk.take()
    assert (await desk.do(update)).outcome is JobOutcome.DONE
    assert [n.state.value for n in sent] == ["acknowledged", "resolved"]


async def test_a_page_of_a_channel_that_is_gone_fails_and_falls_back(desk: Desk) -> None:
    desk.policy = Policy(routes={Severity.P0: (Route("pigeon", "loft"),), Severity.P3: (ANA,)})
    await desk.apply(fire())
    (job,) = await desk.queue.claim(owner="me", slots={}, kinds=[NOTIFY])
    assert (await desk.do(job)).outcome is JobOutcome.DEAD
    assert [job.lane for job in await desk.take()] == [ANA.recipient]


async def test_a_page_is_given_up_in_the_end(desk: Desk) -> None:
    desk.policy = Policy(routes={Severity.P0: (ANA,)})
    await desk.apply(fire())
    desk.channels["email"].answers = [DeliveryResult.retryable("down")]
    desk.clock.seconds = 6 * 3600
    (job,) = await desk.take()
    assert (await desk.do(job)).outcome is JobOutcome.DEAD
    view = await desk.store.incident("INC-1")
    assert "given up" in view.timeline[-1].text


async def test_good_news_of_a_lost_lease_counts_and_bad_news_does_not(desk: Desk) -> None:
    await desk.apply(fire("DiskUse60", "P3"))
    (slow,) = await desk.take()
    desk.clock.seconds = 60
    (second,) = await desk.take()
    failed = JobResult.dead("late", events=())
    assert not await desk.queue.settle(slow, failed)
    late = await desk.dispatcher()(slow)
    assert not await desk.queue.settle(slow, late)
    assert await desk.states() == {"bo@example.org": NotificationState.DELIVERED}
    assert (await desk.do(second)).detail == "it had been delivered already"
    assert len(desk.channels["email"].sent) == 1


def test_outcomes_are_those_of_the_metric() -> None:
    assert {o.value for o in DeliveryOutcome} == {"delivered", "retryable", "failed", "unknown"}
