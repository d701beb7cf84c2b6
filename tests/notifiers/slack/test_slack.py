"""Slack: what its answers mean, and one message kept up to date."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.clients.probing import ProbeError
from dexwatch.demo.local.blocks import violations
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import NoticeAlert, NoticeKind
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.slack import CHANNEL
from dexwatch.notifiers.slack.render import messages, notes
from tests.fakes.alerts import T0
from tests.fakes.notices import hostile, notice
from tests.fakes.slack import FailingSlack, Failure, Fault
from tests.notifiers.case import DELIVERED, FAILED, RETRYABLE, SECRET, UNKNOWN, opened
from tests.notifiers.slack.case import config
from tests.notifiers.test_http import tried

FORM = (
    "attachment_payload_limit_exceeded", "invalid_arg_name", "invalid_arguments",
    "invalid_array_arg", "invalid_blocks", "invalid_blocks_format", "invalid_charset",
    "invalid_form_data", "invalid_json", "invalid_metadata_format", "invalid_metadata_schema",
    "invalid_attachments", "invalid_post_type", "json_not_object", "markdown_text_conflict",
    "missing_post_type", "metadata_must_be_sent_from_app",
    "metadata_too_large", "msg_blocks_too_long", "msg_too_long", "no_text", "too_many_attachments",
)  # fmt: skip
REFUSED = (
    "access_denied", "accesslimited", "account_inactive", "channel_not_found",
    "channel_type_not_supported", "deprecated_endpoint", "method_deprecated",
    "duplicate_channel_not_found", "ekm_access_denied",
    "enterprise_is_restricted", "invalid_auth", "is_archived", "is_inactive", "team_not_found",
    "as_user_not_supported", "messages_tab_disabled",
    "missing_scope", "no_permission", "not_allowed_token_type", "not_authed", "not_in_channel",
    "org_login_required", "restricted_action", "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel", "team_access_not_granted", "token_expired",
    "token_revoked", "two_factor_setup_required",
)  # fmt: skip
LATER = (
    "message_limit_exceeded", "rate_limited", "ratelimited", "request_timeout",
    "service_unavailable", "team_added_to_org",
)  # fmt: skip
GONE = (
    "block_mismatch", "external_channel_migrating", "streaming_state_conflict",
    "cant_update_message", "edit_window_closed", "message_not_found",
    "cannot_reply_to_message", "restricted_action_thread_locked", "update_failed",
    "restricted_action_non_threadable_channel", "thread_not_found",
)  # fmt: skip
"""Together the errors that Slack's reference lists for chat.postMessage and chat.update."""


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        (b'{"ok":true,"channel":"C1","ts":"1.2"}', DELIVERED),
        (b"not json", UNKNOWN),
        (b'{"ok":tr', UNKNOWN),
        (b"[]", UNKNOWN),
        (b"[" * 100_000, UNKNOWN),
        (b'{"ok":' * 50_000 + b"true" + b"}" * 50_000, UNKNOWN),
        *(
            (b'{"ok":false,"error":"%s"}' % error.encode(), meaning)
            for meaning, errors in (
                (RETRYABLE, LATER),
                (UNKNOWN, ("internal_error", "fatal_error")),
                (FAILED, (*REFUSED, *FORM, "something_new")),
            )
            for error in errors
        ),
    ],
)
async def test_slack_answers(body: bytes, meaning: DeliveryOutcome) -> None:
    result = await tried("slack", Reply(body, kind="application/json"))
    assert result.outcome is meaning
    assert result.handle == ("C1:1.2" if meaning is DELIVERED else None)


def refused(error: str) -> Failure:
    return Failure(Fault.REFUSED, error=error)


@pytest.mark.parametrize("error", [*FORM, "something_new"])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_refusal_of_form_leads_at_once_to_a_plainer_message(
    error: str, method: str, times: int
) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        handle = None
        if method == "chat.update":
            handle = (await notifier.send(notice("slack", "#alerts"))).handle
        slack.fail(refused(error), times=times, method=method)
        page = notice("slack", "#alerts", handle=handle, title="Pool drained")
        result = await notifier.send(page)
        assert result.outcome is DELIVERED
        shown = slack.messages[0]
        assert not shown.blocks
        assert "Pool drained" in shown.text
        # What tells an operator most is dropped last.
        assert (page.summary.split(";")[0] in shown.text) == (times == 1)
        assert result.handle == f"{slack.channel_id('alerts')}:{shown.ts}"


@pytest.mark.parametrize("error", REFUSED)
async def test_a_refused_destination_or_token_fails_at_once(error: str) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        slack.fail(refused(error), times=9)
        result = await notifier.send(notice("slack", "#alerts"))
        assert result.outcome is FAILED
        assert error in result.detail
        assert slack.calls.total() == 1


@pytest.mark.parametrize("error", [*GONE, "channel_not_found", "is_archived"])
@pytest.mark.parametrize("method", ["chat.update", "chat.postMessage"])
async def test_a_message_or_thread_that_is_gone_is_replaced(error: str, method: str) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        handle = (await notifier.send(notice("slack", "#alerts"))).handle
        slack.fail(refused(error), method=method)
        result = await notifier.send(notice("slack", "#alerts", handle=handle))
        assert result.outcome is DELIVERED
        assert result.handle == f"{slack.channel_id('alerts')}:{slack.messages[-1].ts}"
        assert result.handle != handle


@pytest.mark.parametrize("status", [400, 413])
async def test_a_proxy_that_finds_the_message_too_large_gets_a_smaller_one(status: int) -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
        opened("slack", config(slack.api_url)) as notifier,
    ):
        slack.fail(Failure(Fault.SERVER, status=status))
        assert (await notifier.send(notice("slack", "#alerts"))).outcome is DELIVERED
        assert not slack.messages[0].blocks


TEXT = st.one_of(
    st.text(max_size=200),
    st.sampled_from(["", " ", "&", "<", "@", "*_~`", "\u202e", "漢", "🔥", "\n", "a b "]).flatmap(
        lambda part: st.integers(0, 4000).map(lambda times: part * times)
    ),
)


@settings(max_examples=60)
@given(title=TEXT, summary=TEXT, description=TEXT, owner=TEXT | st.none(), name=TEXT)
def test_whatever_is_said_keeps_to_slacks_limits(
    title: str, summary: str, description: str, owner: str | None, name: str
) -> None:
    alerts = tuple(NoticeAlert(name, Severity.P0, summary, n % 2 == 0, T0) for n in range(10))
    page = notice(
        "slack", "#alerts", title=title, summary=summary, description=description, owner=owner,
        alerts=alerts, more_alerts=990,
    )  # fmt: skip
    versions = [*messages(page), *notes(page)]
    for version in versions:
        assert 0 < len(version["text"].encode()) <= 4000
        assert violations(version.get("blocks", [])) == ()
        texts = [b["text"]["text"] for b in version.get("blocks", []) if "text" in b]
        assert all(len(text.encode("utf-16-le")) // 2 <= 3000 for text in texts)
        assert sum(map(len, texts)) <= 6500
        # An escape that was cut in two would show as letters.
        marked = [b["text"]["text"] for b in version.get("blocks", []) if b["type"] == "section"]
        assert not any(re.search(r"&(?!(amp|lt|gt);)", text) for text in (*marked, version["text"]))


async def test_slack_keeps_one_message_and_tells_changes_in_its_thread() -> None:
    async with (
        FailingSlack(token=SECRET) as slack,
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
        # A message that somebody deleted is posted anew.
        lost = notice("slack", "#alerts", handle=f"{slack.channel_id('alerts')}:1.0")
        assert (await notifier.send(lost)).outcome is DELIVERED


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        (("chat:write", "channels:read", "channels:history"), "the token is good"),
        (("chat:write",), "with channels:history and channels:read a message of unknown outcome"),
        (("channels:read",), "lacks the scope chat:write"),
    ],
)
async def test_doctor_reads_the_scopes_that_slack_names(scopes: list[str], said: str) -> None:
    async with FailingSlack(token=SECRET, scopes=scopes) as slack:
        (probe,) = CHANNEL.probes(config(slack.api_url))
        if "chat:write" in scopes:
            assert said in await probe.attempt()
        else:
            with pytest.raises(ProbeError, match=said):
                await probe.attempt()


async def test_doctor_reads_no_more_of_an_answer_than_its_bound() -> None:
    async def endless(_: Request) -> Reply:
        return Reply(b'{"ok": true}' + b" " * 5_000_000)

    async with LoopbackServer(endless) as server:
        (probe,) = CHANNEL.probes(config(server.url))
        with pytest.raises(ProbeError, match="cannot be reached"):
            await probe.attempt()


async def test_foreign_text_mentions_nobody() -> None:
    async with FailingSlack(token=SECRET) as slack:
        async with opened("slack", config(slack.api_url)) as notifier:
            await notifier.send(hostile("slack", "#alerts"))
        shown = slack.messages[0]
        for mention in ("<!channel>", "<@U1>", "@here"):
            assert mention not in shown.text + repr(shown.blocks)
