"""Slack is asked whether a message of unknown outcome got through."""

import pytest

from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import NoticeKind
from dexwatch.response.notifier import LookupResult
from tests.fakes.notices import notice
from tests.fakes.slack import FailingSlack, Failure, Fault
from tests.notifiers.case import DELIVERED, SECRET, UNKNOWN, opened
from tests.notifiers.slack.case import config


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HALF, Fault.SERVER])
@pytest.mark.parametrize("taken", [True, False])
async def test_slack_can_be_asked_whether_a_message_got_through(fault: Fault, taken: bool) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        slack.fail(Failure(fault, accepted=taken))
        page = notice("slack", "#alerts")
        assert (await notifier.send(page)).outcome is UNKNOWN
        found = await notifier.lookup(page)
        assert found.delivered is taken
        if taken:
            channel_id = slack.channel_id("alerts")
            assert found.handle == f"{channel_id}:{slack.messages[0].ts}"


@pytest.mark.parametrize("taken", [True, False])
async def test_a_second_page_is_delivered_only_when_the_channel_was_told(taken: bool) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        first = await notifier.send(notice("slack", "#alerts"))
        second = notice("slack", "#alerts", key="page/2", handle=first.handle)
        slack.fail(Failure(Fault.RESET, accepted=taken), method="chat.postMessage")
        assert (await notifier.send(second)).outcome is UNKNOWN
        assert (await notifier.lookup(second)).delivered is taken
        silent = notice(
            "slack", "#alerts", kind=NoticeKind.UPDATE, event=UpdateReason.NOTE, handle=first.handle
        )
        assert (await notifier.send(silent)).outcome is DELIVERED
        assert (await notifier.lookup(silent)).delivered


async def test_without_the_scope_to_read_nothing_is_known_of_an_earlier_attempt() -> None:
    async with (
        FailingSlack(token=SECRET, scopes=["chat:write"]) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        page = notice("slack", "#alerts")
        await notifier.send(page)
        assert await notifier.lookup(page) == LookupResult(None)


@pytest.mark.parametrize(
    "failure", [Failure(Fault.SERVER, status=502), Failure(Fault.RATE_LIMITED, seconds=30)]
)
async def test_a_slack_that_fails_just_now_may_be_able_to_tell_later(failure: Failure) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        page = notice("slack", "#alerts")
        slack.fail(failure)
        assert await notifier.lookup(page) == LookupResult(None, away=True)
