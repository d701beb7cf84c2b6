"""How many copies a reader gets from a receiver that keeps a message and says that it did not."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from dexwatch.incidents.events import Acknowledged
from dexwatch.incidents.policy import Policy, Route
from dexwatch.incidents.records import IncidentState, NotificationState
from dexwatch.metrics.severity import Severity
from dexwatch.response.notifier import DeliveryResult
from tests.fakes.alerts import ANA, SLACK, clear, fire
from tests.fakes.dispatch import SAYS, Rig, opened
from tests.fakes.mailbox import FailingMailbox
from tests.fakes.receiver import Receiver
from tests.notifiers.case import SECRET
from tests.notifiers.case import opened as notifier_of
from tests.notifiers.email.case import config
from tests.notifiers.webhook.case import config as webhook_config

OPS = Route("webhook", "ops")
HOUR = 3600.0
REFUSALS = ("421 4.3.2 going down", "354 odd")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path) as made:
        yield made


@pytest.fixture
async def box(rig: Rig) -> AsyncIterator[FailingMailbox]:
    """Real mail: what is sent goes to this mailbox."""
    async with FailingMailbox() as made:
        address = f"smtp://127.0.0.1:{made.smtp_port}"
        async with notifier_of("email", config(address, username=None, password=None)) as email:
            rig.channels["email"] = email
            yield made


@pytest.fixture
async def hook(rig: Rig) -> AsyncIterator[Receiver]:
    """A real webhook: what is sent goes to this receiver."""
    async with (
        Receiver(SECRET, clock=lambda: rig.clock().timestamp()) as made,
        notifier_of("webhook", webhook_config(made.url)) as webhook,
    ):
        rig.channels["webhook"] = webhook
        yield made


def ids(box: FailingMailbox) -> Sequence[str]:
    return [mail.message["Message-ID"] for mail in box.messages]


@pytest.mark.parametrize("reply", REFUSALS)
async def test_a_server_that_keeps_what_it_puts_off_gets_few_copies_under_one_id(
    rig: Rig, box: FailingMailbox, reply: str
) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,)})
    box.refuse(reply, times=1000, taken=True)
    await rig.apply(fire())
    await rig.work(100)
    assert len(box.messages) == 2, "an urgent one soon once more, for it may not have been kept"
    await rig.work(4 * HOUR, step=300)
    assert 4 <= len(box.messages) <= 8
    assert len(set(ids(box))) == 1


async def test_one_that_is_not_urgent_waits_as_long_as_greylisting_does(
    rig: Rig, box: FailingMailbox
) -> None:
    box.refuse("421 4.3.2 going down", times=1000, taken=True)
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(290, step=20)
    assert len(box.messages) == 1
    await rig.work(23 * HOUR, step=600)
    assert 4 <= len(box.messages) <= 9
    assert len(set(ids(box))) == 1


async def test_a_server_that_truly_puts_off_gets_the_mail_in_the_end(
    rig: Rig, box: FailingMailbox
) -> None:
    box.refuse("451 4.7.1 greylisted", times=3)
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(2 * HOUR, step=300)
    assert len(box.messages) == 1
    assert await rig.states() == {"bo@example.org": NotificationState.DELIVERED}


async def test_meanwhile_an_urgent_page_goes_another_way_at_once(
    rig: Rig, box: FailingMailbox
) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,), Severity.P3: (SLACK,)})
    box.refuse("421 4.3.2 going down", times=1000, taken=True)
    await rig.apply(fire())
    await rig.work(2)
    assert len(box.messages) == 1
    assert [notice.event for notice in rig.channels["slack"].sent] == ["fallback"]


async def test_what_was_refused_before_the_message_is_tried_again_soon(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,)})
    async with FailingMailbox(greylist=True) as box:
        address = f"smtp://127.0.0.1:{box.smtp_port}"
        async with notifier_of("email", config(address, username=None, password=None)) as email:
            rig.channels["email"] = email
            await rig.apply(fire())
            await rig.work(5)
    assert len(box.messages) == 1


async def test_an_error_of_a_notifier_may_have_come_after_the_message(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P0: (ANA,)})
    rig.channels["email"].answers = [ValueError("odd answer")] * 1000
    await rig.apply(fire())
    await rig.work(100)
    assert len(rig.channels["email"].sent) == 2


@pytest.mark.parametrize("severity", ["P1", "P3"])
async def test_an_outage_of_a_webhook_loses_nothing_though_others_are_reached(
    rig: Rig, hook: Receiver, severity: str
) -> None:
    """A proxy before the receiver says 502 for as long as its restart takes."""
    rig.policy = Policy(routes=dict.fromkeys((Severity.P1, Severity.P3), (SLACK, OPS)))
    hook.answers.extend([502] * 4)
    await rig.apply(fire("DiskUse60", severity, annotations=SAYS))
    await rig.work(120)
    assert hook.received == []
    await rig.work(2 * HOUR, step=60)
    assert [one["kind"] for one in hook.received] == ["page"]
    assert set((await rig.states()).values()) == {NotificationState.DELIVERED}


async def test_a_webhook_that_stays_broken_is_tried_rarely_with_one_key_and_given_up(
    rig: Rig, hook: Receiver
) -> None:
    rig.policy = Policy(routes={Severity.P3: (OPS,)})
    hook.answers.extend([None] * 1000)
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(25 * HOUR, step=60)
    assert len(hook.received) == 1, "all bear one key"
    assert 5 <= hook.repeats <= 30
    assert await rig.states() == {"ops": NotificationState.FAILED}


async def test_a_channel_that_cannot_be_asked_just_now_is_asked_until_it_answers(
    rig: Rig,
) -> None:
    rig.policy = Policy(routes={Severity.P3: (SLACK,)})
    slack = rig.channels["slack"]
    slack.answers, slack.away = [DeliveryResult.unknown("HTTP 502")] * 2, True
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(HOUR, step=10)
    assert len(slack.sent) == 2, "nothing is sent blindly meanwhile"
    slack.away, slack.found = False, False
    await rig.work(2 * HOUR, step=10)
    assert len(slack.sent) == 3
    assert await rig.states() == {SLACK.recipient: NotificationState.DELIVERED}


async def test_an_update_is_repeated_until_its_channel_has_it(rig: Rig) -> None:
    """The thread of a message tells whether its update got through."""
    rig.policy = Policy(routes={Severity.P3: (SLACK,)})
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(5)
    slack = rig.channels["slack"]
    slack.found, slack.answers = False, [DeliveryResult.unknown("no answer")] * 5
    await rig.apply(clear("DiskUse60", "P3"))
    await rig.work(2 * HOUR)
    assert len(slack.sent) == 1 + 6
    slack.found = True
    await rig.apply(fire("DiskUse60", "P3", start=2 * HOUR, annotations=SAYS))
    await rig.work(2 * HOUR + 60)
    assert len(slack.sent) == 1 + 6 + 1


async def test_what_was_uncertain_of_an_update_holds_for_no_later_one(rig: Rig) -> None:
    rig.policy = Policy(routes={Severity.P3: (SLACK,)})
    await rig.apply(fire("DiskUse60", "P3", annotations=SAYS))
    await rig.work(5)
    slack = rig.channels["slack"]
    slack.answers = [DeliveryResult.unknown("no answer")] * 2
    await rig.apply(Acknowledged("INC-1", "bo", "1"))
    while slack.answers:
        await rig.do(await rig.next_due("slack"))
    await rig.apply(clear("DiskUse60", "P3"))
    await rig.work(rig.clock.seconds + HOUR)
    assert slack.sent[-1].state is IncidentState.RESOLVED
