"""What becomes of a message that does not arrive: again, another way, or given up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import NotificationState
from dexwatch.jobs.job import JobOutcome
from dexwatch.metrics.severity import Severity
from dexwatch.response.messaging import dispatch as module
from dexwatch.response.messaging.job import NOTIFY
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.notifier import DeliveryResult
from tests.fakes.alerts import ANA, BO, SLACK, fire
from tests.fakes.dispatch import SAYS, Rig, opened


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path) as made:
        yield made


async def test_a_slow_server_is_waited_for_while_an_urgent_page_takes_another_way(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "send_timeout", lambda _: 0.05)
    rig.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (SLACK,)})
    slow = rig.channels["email"]
    slow.takes, slow.attempt_seconds = 0.4, 10
    await rig.apply(fire())
    (job,) = await rig.take()
    sending = asyncio.create_task(rig.do(job))
    await asyncio.sleep(0.25)
    (fallback,) = await rig.take("slack")
    assert fallback.payload["reason"] == "fallback"
    assert (await sending).outcome is JobOutcome.DONE
    assert len(slow.sent) == 1


@pytest.mark.parametrize(("found", "sends"), [(True, 0), (False, 1), (None, 1)])
async def test_after_a_cut_the_channel_is_asked_first_and_others_are_paged_at_once(
    rig: Rig, found: bool | None, sends: int
) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (SLACK,)})
    await rig.apply(fire())
    await rig.take()
    rig.clock.seconds = 60
    (job,) = await rig.take()
    assert job.lapsed
    rig.channels["email"].found = found
    assert (await rig.do(job)).outcome is JobOutcome.DONE
    assert len(rig.channels["email"].sent) == sends
    (fallback,) = await rig.take("slack")
    assert fallback.payload["reason"] == "fallback"


async def test_a_message_that_may_have_arrived_is_not_sent_over_and_over(rig: Rig) -> None:
    """A mail server that breaks off after the message: one copy more, then other ways, then few."""
    lost = DeliveryResult.unknown("the connection broke")
    rig.policy = Policy(routes={Severity.P0: (ANA,)})
    rig.channels["email"].answers = [lost] * 500
    await rig.apply(fire())
    await rig.work(60)
    assert len(rig.channels["email"].sent) == 2
    await rig.work(3600)
    assert 3 <= len(rig.channels["email"].sent) <= 6, "an unreachable team is tried now and then"


async def test_a_message_that_may_have_arrived_is_left_alone_once_others_have_it(
    rig: Rig,
) -> None:
    rig.channels["email"].answers = [DeliveryResult.unknown("the connection broke")] * 500
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(300)
    assert len(rig.channels["email"].sent) == 2
    rig.policy = Policy(routes={Severity.P0: (SLACK, ANA)})
    rig.channels["email"].sent.clear()
    await rig.apply(fire(alert_group="other"))
    await rig.work(4000)
    assert len(rig.channels["email"].sent) == 2


async def test_a_newer_page_does_not_make_the_former_go_out_again(rig: Rig) -> None:
    rig.policy = Policy(routes=dict.fromkeys((Severity.P0, Severity.P1), (SLACK, ANA)))
    rig.channels["email"].answers = [DeliveryResult.unknown("the connection broke")] * 500
    await rig.apply(fire("ApiLatencyHigh", "P1"))
    await rig.work(1)
    await rig.apply(fire())
    await rig.work(4000)
    assert len(rig.channels["slack"].sent) == 2, "a rise in severity is told anew"
    copies = Counter(notice.key for notice in rig.channels["email"].sent)
    assert len(copies) == 2, "two pages, the latter of which is the update of the former"
    assert set(copies.values()) == {2}


async def test_channels_that_fail_together_do_not_expedite_each_other(rig: Rig) -> None:
    """Each is tried about as often as it would be alone: some fifteen times in five minutes."""
    rig.policy = Policy(routes={Severity.P0: (SLACK, ANA)})
    for channel in rig.channels.values():
        channel.answers = [DeliveryResult.retryable("down")] * 5000
    await rig.apply(fire())
    await rig.work(300)
    for channel in rig.channels.values():
        assert 10 <= len(channel.sent) <= 17


async def test_retry_after_holds_back_the_channel_whatever_the_others_do(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P0: (SLACK, ANA)})
    rig.channels["slack"].answers = [DeliveryResult.retryable("slow", retry_after=60)] * 500
    rig.channels["email"].answers = [DeliveryResult.retryable("down")] * 500
    await rig.apply(fire())
    await rig.work(2)
    await rig.apply(fire("CpuUse80", "P0", alert_group="cpu"))
    await rig.work(59)
    assert len(rig.channels["slack"].sent) == 1, "the second incident's page waits as well"
    await rig.work(200)
    assert len(rig.channels["slack"].sent) <= 7, "two pages, once a minute each"


async def test_an_urgent_page_that_meets_a_held_channel_takes_another_way(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P0: (SLACK,), Severity.P3: (ANA,)})
    rig.channels["slack"].answers = [DeliveryResult.retryable("slow", retry_after=120)]
    await rig.apply(fire("CpuUse80", "P0", alert_group="cpu"))
    await rig.work(3)
    await rig.apply(fire())
    await rig.work(6)
    assert {n.incident_id for n in rig.channels["email"].sent} == {"INC-1", "INC-2"}


async def test_a_permanent_failure_takes_another_way_at_once(rig: Rig) -> None:
    rig.channels["email"].answers = [DeliveryResult.failed("no such mailbox")]
    await rig.apply(fire("DiskUse60", "P3"))
    (job,) = await rig.take()
    assert (await rig.do(job)).outcome is JobOutcome.DEAD
    (fallback,) = await rig.take("slack")
    assert (await rig.do(fallback)).outcome is JobOutcome.DONE
    states = await rig.states()
    assert states["bo@example.org"] is NotificationState.FAILED


async def test_a_page_of_a_channel_that_is_gone_fails_and_falls_back(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P0: (Route("pigeon", "loft"),), Severity.P3: (ANA,)})
    await rig.apply(fire())
    (job,) = await rig.queue.claim(owner="me", slots={}, kinds=[NOTIFY])
    assert (await rig.do(job)).outcome is JobOutcome.DEAD
    assert [job.lane for job in await rig.take()] == [ANA.recipient]


async def test_a_page_is_given_up_in_the_end(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,)})
    await rig.apply(fire())
    rig.channels["email"].answers = [DeliveryResult.retryable("down")]
    rig.clock.seconds = 6 * 3600
    (job,) = await rig.take()
    assert (await rig.do(job)).outcome is JobOutcome.DEAD
    view = await rig.store.incident("INC-1")
    assert any("given up" in entry.text for entry in view.timeline)


@pytest.mark.parametrize("answered", [False, True])
async def test_when_all_refuse_the_present_routes_are_paged_later_unless_somebody_answers(
    rig: Rig, answered: bool
) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,)})
    await rig.apply(fire())
    rig.channels["email"].answers = [DeliveryResult.failed("no such mailbox")]
    (job,) = await rig.take()
    rig.policy = Policy(routes={Severity.P0: (BO,)})
    rig.queue = ResponseQueue(rig.store, rig.clock, rig.policy)
    await rig.do(job)
    if answered:
        await rig.apply(Acknowledged("INC-1", "bo", "1"))
    rig.clock.seconds = 299
    assert [job for job in await rig.take() if job.kind == NOTIFY] == []
    rig.clock.seconds = 900
    later = [job for job in await rig.take(free=9) if job.kind == NOTIFY]
    assert [job.lane for job in later] == [BO.recipient]
    result = await rig.do(later[0])
    assert result.outcome is (JobOutcome.DEAD if answered else JobOutcome.DONE)
    assert len(rig.channels["email"].sent) == (1 if answered else 2)
    rig.clock.seconds = 9000
    assert [job for job in await rig.take(free=9) if job.kind == NOTIFY] == []
