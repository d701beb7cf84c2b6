"""One message, one attempt, one honest result."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.records import DeliveryOutcome, NotificationState
from dexwatch.jobs.job import JobOutcome, JobResult
from dexwatch.response.messaging import dispatch as module
from dexwatch.response.messaging.job import UPDATE
from tests.fakes.alerts import apply, at, clear, fire
from tests.fakes.dispatch import SAYS, Charts, Rig, opened
from tests.fakes.notices import CHART


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path) as made:
        yield made


async def test_a_page_carries_its_chart_and_its_addresses(rig: Rig) -> None:
    rig.charts = Charts(0)
    await rig.apply(fire(annotations=SAYS))
    (job,) = await rig.take()
    assert (await rig.do(job)).outcome is JobOutcome.DONE
    notice = rig.channels["email"].sent[0]
    assert notice.chart is CHART
    assert notice.console_url == "http://c/incidents/INC-1"
    assert notice.runbook_url == "http://c/runbooks/X"


async def test_a_p0_does_not_wait_for_a_slow_chart(rig: Rig) -> None:
    rig.charts = Charts(30)
    await rig.apply(fire(annotations=SAYS))
    (job,) = await rig.take()
    async with asyncio.timeout(5):
        await rig.do(job)
    assert rig.channels["email"].sent[0].chart is None


async def test_a_broken_notifier_is_tried_again_and_its_error_text_is_not_shown(rig: Rig) -> None:
    rig.channels["email"].answers = [RuntimeError("s3cret")]
    await rig.apply(fire())
    (job,) = await rig.take()
    result = await rig.do(job)
    assert result.outcome is JobOutcome.RETRY
    assert "s3cret" not in repr(result)


async def test_an_attempt_without_an_answer_is_uncertain(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "send_timeout", lambda _: 0.05)
    rig.channels["email"].takes = 5
    await rig.apply(fire())
    (job,) = await rig.take()
    assert (await rig.do(job)).outcome is JobOutcome.UNCERTAIN


async def test_a_p0_is_delivered_at_once_though_the_clock_was_put_back_an_hour(
    rig: Rig,
) -> None:
    """The wall clock steps; the database's clock does not."""
    await apply(rig.store, [fire()], 7200)
    await apply(rig.store, [clear(end=7300)], 7300)
    await apply(rig.store, [fire("DatabaseDown", "P0", start=3700)], 3700)
    rig.clock.seconds = 1
    assert {job.payload["notification_id"] for job in await rig.take(free=9)} >= {
        "INC-1/1/email/ana@example.org"
    }
    later = await rig.store.incident("INC-1")
    assert later.incident.changed_at == at(3700)
    story = [line.kind for line in later.timeline]
    assert (story[0], story[-1]) == ("opened", "reopened"), "the story keeps its order"


async def test_an_update_waits_for_its_page_and_repeats_nothing(rig: Rig) -> None:
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    (page,) = await rig.take()
    rig.clock.seconds = 1
    await rig.apply(Acknowledged("INC-1", "bo", "1"))
    (update,) = await rig.take()
    assert update.kind == UPDATE
    early = await rig.do(update)
    sent = rig.channels["email"].sent
    assert (early.outcome, early.attempted, sent) == (JobOutcome.RETRY, False, [])
    # The page goes out after the acknowledgement and shows it: nothing is left to tell.
    await rig.do(page)
    rig.clock.seconds = 20
    (update,) = await rig.take()
    assert (await rig.do(update)).detail == "nothing new"
    rig.clock.seconds = 30
    await rig.apply(clear("DiskUse60", "P3"))
    (update,) = await rig.take()
    assert (await rig.do(update)).outcome is JobOutcome.DONE
    assert [n.state.value for n in sent] == ["acknowledged", "resolved"]


async def test_good_news_of_a_lost_lease_counts_and_bad_news_does_not(rig: Rig) -> None:
    await rig.apply(fire("DiskUse60", "P3"))
    (slow,) = await rig.take()
    rig.clock.seconds = 60
    (second,) = await rig.take()
    failed = JobResult.dead("late", events=())
    assert not await rig.queue.settle(slow, failed)
    late = await rig.dispatcher()(slow)
    assert not await rig.queue.settle(slow, late)
    assert await rig.states() == {"bo@example.org": NotificationState.DELIVERED}
    assert (await rig.do(second)).detail == "it had been delivered already"
    assert len(rig.channels["email"].sent) == 1


def test_outcomes_are_those_of_the_metric() -> None:
    assert {o.value for o in DeliveryOutcome} == {"delivered", "retryable", "failed", "unknown"}
