"""Slack: what its answers mean, one message kept up to date, doubtful ones looked up."""

import pytest

from dexwatch.demo.local.server import Reply
from dexwatch.demo.local.slack import Failure, Fault, SlackFake
from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import NoticeKind
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from tests.fakes.notices import hostile, notice
from tests.notifiers.case import DELIVERED, FAILED, RETRYABLE, SECRET, UNKNOWN, opened
from tests.notifiers.slack.case import config
from tests.notifiers.test_http import tried


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        (b'{"ok":true,"channel":"C1","ts":"1.2"}', DELIVERED),
        (b"not json", UNKNOWN),
        (b'{"ok":tr', UNKNOWN),
        (b"[]", UNKNOWN),
        *(
            (b'{"ok":false,"error":"%s"}' % error.encode(), meaning)
            for meaning, errors in (
                (RETRYABLE, ("ratelimited", "rate_limited", "service_unavailable")),
                (UNKNOWN, ("internal_error", "fatal_error", "request_timeout")),
                (
                    FAILED,
                    (
                        "invalid_auth", "not_authed", "token_revoked", "token_expired",
                        "account_inactive", "missing_scope", "channel_not_found",
                        "not_in_channel", "is_archived", "msg_too_long", "invalid_blocks",
                        "something_new",
                    ),
                ),
            )
            for error in errors
        ),
    ],
)  # fmt: skip
async def test_slack_answers(body: bytes, meaning: DeliveryOutcome) -> None:
    result = await tried("slack", Reply(body, kind="application/json"))
    assert result.outcome is meaning
    assert result.handle == ("C1:1.2" if meaning is DELIVERED else None)


async def test_slack_keeps_one_message_and_tells_changes_in_its_thread() -> None:
    async with (
        SlackFake(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        first = await notifier.send(notice("slack", "#alerts"))

        async def then(event: UpdateReason, state: IncidentState, **more: object) -> None:
            follow = notice(
                "slack", "#alerts", kind=NoticeKind.UPDATE, event=event, state=state,
                handle=first.handle, key=event.value, **more,
            )  # fmt: skip
            assert (await notifier.send(follow)).outcome is DELIVERED

        await then(UpdateReason.JOINED, IncidentState.OPEN)
        assert len(slack.messages) == 1
        await then(UpdateReason.ACKNOWLEDGED, IncidentState.ACKNOWLEDGED, owner="bo")
        await then(UpdateReason.RESOLVED, IncidentState.RESOLVED)
        root, ack, resolved = slack.messages
        assert (root.edits, ack.thread_ts, resolved.thread_ts) == (3, root.ts, root.ts)
        assert "bo has taken it on" in ack.text
        buttons = next(b for b in root.blocks if b["type"] == "actions")["elements"]
        assert [b["url"] for b in buttons] == [
            "http://127.0.0.1:8900/incidents/INC-1",
            "http://127.0.0.1:8900/runbooks/ApiLatencyHigh",
        ]
        # A message that somebody deleted is replaced, not mourned.
        lost = notice("slack", "#alerts", handle=f"{slack.channel_id('alerts')}:1.0")
        assert (await notifier.send(lost)).outcome is DELIVERED


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HALF, Fault.SERVER])
@pytest.mark.parametrize("taken", [True, False])
async def test_slack_can_be_asked_whether_a_message_got_through(fault: Fault, taken: bool) -> None:
    async with (
        SlackFake(token=SECRET) as slack,
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


async def test_foreign_text_mentions_nobody() -> None:
    async with SlackFake(token=SECRET) as slack:
        async with opened("slack", config(slack.api_url)) as notifier:
            await notifier.send(hostile("slack", "#alerts"))
        shown = slack.messages[0]
        for mention in ("<!channel>", "<@U1>", "@here"):
            assert mention not in shown.text + repr(shown.blocks)
