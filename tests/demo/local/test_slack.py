"""The Slack stand-in is as strict as the real one, and fails as it does."""

import asyncio
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient

from tests.fakes.slack import FailingSlack, Failure, Fault

TOKEN = "xoxb-test"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*CPU* is high"}}


@pytest.fixture
async def slack():
    async with FailingSlack(TOKEN, closed_channels=["private"]) as fake:
        yield fake


async def call(slack: FailingSlack, method: str, *, token: str = TOKEN, **arguments: Any) -> Any:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            slack.api_url + method, json=arguments, headers={"authorization": f"Bearer {token}"}
        )
    return answer.json()


async def test_keeps_a_posted_message_and_shows_its_update(slack):
    posted = await call(slack, "chat.postMessage", channel="#alerts", text="a", blocks=[SECTION])
    assert posted["ok"]
    assert posted["channel"] == slack.channel_id("alerts")
    updated = await call(
        slack, "chat.update", channel=posted["channel"], ts=posted["ts"], text="b", blocks=[]
    )
    assert updated["ok"]
    (message,) = slack.messages
    assert (message.text, message.edits) == ("b", 1)
    assert slack.calls == {"chat.postMessage": 1, "chat.update": 1}


async def test_serves_slacks_own_client(slack):
    def talk() -> str:
        client = WebClient(token=TOKEN, base_url=slack.api_url)
        assert client.auth_test()["user"] == "dexwatch"
        posted = client.chat_postMessage(channel="alerts", text="hello")
        client.files_upload_v2(content=b"png", filename="g.png", channel=posted["channel"])
        return client.conversations_history(channel=posted["channel"])["messages"][-1]["text"]

    assert await asyncio.to_thread(talk) == "hello"
    assert slack.files[0].content == b"png"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "#nowhere", "text": "a"}, "channel_not_found"),
        ({"channel": "#private", "text": "a"}, "not_in_channel"),
        ({"channel": "#alerts"}, "no_text"),
        ({"channel": "#alerts", "text": "a" * 40_001}, "msg_too_long"),
        ({"channel": "#alerts", "text": "a", "thread_ts": "1.1"}, "thread_not_found"),
    ],
)
async def test_refuses_what_slack_refuses(slack, arguments, error):
    answer = await call(slack, "chat.postMessage", **arguments)
    assert answer == {"ok": False, "error": error}
    assert slack.messages == ()


async def test_refuses_a_wrong_or_missing_token(slack):
    assert (await call(slack, "auth.test", token="nope"))["error"] == "invalid_auth"
    async with httpx.AsyncClient() as client:
        assert (await client.post(slack.api_url + "auth.test")).json()["error"] == "not_authed"


async def test_update_takes_the_channels_id_only(slack):
    posted = await call(slack, "chat.postMessage", channel="#alerts", text="a")
    answer = await call(slack, "chat.update", channel="#alerts", ts=posted["ts"], text="b")
    assert answer["error"] == "channel_not_found"


async def test_refuses_a_body_that_is_not_json(slack):
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            slack.api_url + "chat.postMessage",
            content=b"{",
            headers={"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
        )
    assert answer.json()["error"] == "invalid_json"


async def test_rate_limit_says_when_to_come_again(slack):
    slack.fail(Failure(Fault.RATE_LIMITED, seconds=7))
    async with httpx.AsyncClient() as client:
        answer = await client.post(slack.api_url + "chat.postMessage", json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def test_refusal_and_server_error_have_no_effect(slack):
    slack.fail(Failure(Fault.REFUSED, error="account_inactive"))
    answer = await call(slack, "chat.postMessage", channel="#alerts", text="a")
    assert answer == {"ok": False, "error": "account_inactive"}
    slack.fail(Failure(Fault.SERVER, status=502))
    async with httpx.AsyncClient() as client:
        assert (await client.post(slack.api_url + "chat.postMessage")).status_code == 502
    assert slack.messages == ()


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HALF])
async def test_a_lost_answer_may_hide_an_accepted_message(slack, fault):
    slack.fail(Failure(fault, accepted=True))
    with pytest.raises(httpx.TransportError):
        await call(slack, "chat.postMessage", channel="#alerts", text="a")
    assert len(slack.messages) == 1
    slack.fail(Failure(fault))
    with pytest.raises(httpx.TransportError):
        await call(slack, "chat.postMessage", channel="#alerts", text="b")
    assert len(slack.messages) == 1


async def test_a_slow_answer_outlasts_the_callers_patience(slack):
    slack.fail(Failure(Fault.SLOW, seconds=5))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await call(slack, "chat.postMessage", channel="#alerts", text="a")


async def test_failures_can_be_meant_for_one_method(slack):
    slack.fail(Failure(Fault.REFUSED), method="chat.update", times=3)
    assert (await call(slack, "chat.postMessage", channel="#alerts", text="a"))["ok"]
    assert slack.calls["chat.postMessage"] == 1


async def test_the_page_escapes_what_foreigners_wrote(slack):
    text = "<script>alert(1)</script> *bold* <https://example.org/?a=1&amp;b=2|go>"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    await call(slack, "chat.postMessage", channel="#alerts", text="a", blocks=blocks)
    async with httpx.AsyncClient() as client:
        page = await client.get(slack.url, params={"channel": "alerts"})
    assert "<script>" not in page.text
    assert "<strong>bold</strong>" in page.text
    assert "<a href='https://example.org/?a=1&amp;b=2' rel=noreferrer>go</a>" in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]


PUBLISHED = {
    "chat.postMessage": {
        "ok": True, "channel": "C1", "ts": "1503435956.000247",
        "message": {"text": "t", "bot_id": "B1", "type": "message", "ts": "1503435956.000247"},
    },
    "chat.update": {
        "ok": True, "channel": "C1", "ts": "1401383885.000061", "text": "t",
        "message": {"text": "t", "user": "U1"},
    },
    "conversations.history": {
        "ok": True, "has_more": False, "pin_count": 0, "response_metadata": {"next_cursor": ""},
        "messages": [{"type": "message", "user": "U1", "text": "t", "ts": "1512085950.000216"}],
    },
    "conversations.list": {
        "ok": True, "response_metadata": {"next_cursor": ""},
        "channels": [{"id": "C1", "name": "general", "is_channel": True, "is_member": True}],
    },
    "auth.test": {
        "ok": True, "url": "u", "team": "t", "user": "n", "team_id": "T1", "user_id": "U1",
        "bot_id": "B1",
    },
}  # fmt: skip
"""What the reference of each method shows as its answer, cut to the fields that somebody reads."""


def shaped_like(answer: Any, example: Any) -> bool:
    """Does the answer have all fields of the example, each of the same kind?"""
    if isinstance(example, dict):
        return isinstance(answer, dict) and all(
            name in answer and shaped_like(answer[name], part) for name, part in example.items()
        )
    if isinstance(example, list):
        return bool(answer) and all(shaped_like(one, example[0]) for one in answer)
    return type(answer) is type(example)


async def test_answers_have_the_published_shapes(slack):
    posted = await call(slack, "chat.postMessage", channel="#alerts", text="a")
    here = {"channel": posted["channel"], "ts": posted["ts"]}
    answers = {"chat.postMessage": posted, "auth.test": await call(slack, "auth.test")}
    answers["chat.update"] = await call(slack, "chat.update", **here, text="b")
    async with httpx.AsyncClient() as client:
        for method in ("conversations.history", "conversations.list"):
            headers = {"authorization": f"Bearer {TOKEN}"}
            got = await client.post(slack.api_url + method, data=here, headers=headers)
            answers[method] = got.json()
    assert [m for m, shape in PUBLISHED.items() if not shaped_like(answers[m], shape)] == []


async def test_methods_that_read_take_no_json(slack):
    channel = slack.channel_id("alerts")
    answer = await call(slack, "conversations.history", channel=channel)
    assert answer["error"] == "channel_not_found"


async def test_an_update_keeps_what_it_does_not_name(slack):
    metadata = {"event_type": "e", "event_payload": {"key": "k"}}
    posted = await call(
        slack, "chat.postMessage", channel="#alerts", text="a", blocks=[SECTION], metadata=metadata
    )
    here = {"channel": posted["channel"], "ts": posted["ts"]}
    await call(slack, "chat.update", **here, text="b")
    assert list(slack.messages[0].blocks) == [SECTION]
    assert slack.messages[0].metadata == metadata
    await call(slack, "chat.update", **here, text="b", blocks=[], metadata={})
    assert not slack.messages[0].blocks
    assert not slack.messages[0].metadata
    long = await call(slack, "chat.update", **here, text="\u6f22" * 1_400)
    assert long["error"] == "msg_too_long"


async def test_a_token_may_do_what_its_scopes_say():
    async with FailingSlack(TOKEN, scopes=["chat:write"]) as fake:
        assert (await call(fake, "chat.postMessage", channel="#alerts", text="a"))["ok"]
        refused = await call(fake, "conversations.history")
        assert (refused["error"], refused["needed"]) == ("missing_scope", "channels:history")


async def test_the_page_opens_the_channel_with_the_newest_message(slack):
    async with httpx.AsyncClient() as client:
        assert "No message yet" in (await client.get(slack.url)).text
        for channel in ("critical-alerts", "alerts", "critical-alerts"):
            await call(slack, "chat.postMessage", channel=channel, text=f"to {channel}")
            page = (await client.get(slack.url)).text
            assert f"<h2># {channel}</h2>" in page
            assert f"to {channel}" in page
        chosen = (await client.get(slack.url, params={"channel": "alerts"})).text
        assert "<h2># alerts</h2>" in chosen


async def test_the_page_reads_like_slack(slack):
    first = await call(slack, "chat.postMessage", channel="#alerts", text="the first")
    await call(slack, "chat.postMessage", channel="#alerts", text="the second")
    since = ":red_circle: since <!date^1795729067^{time_secs}|21:37 UTC>"
    said = f"{since}, not &lt;https://evil.example&gt;"
    thread = {"thread_ts": first["ts"], "text": said}
    await call(slack, "chat.postMessage", channel="#alerts", **thread)
    async with httpx.AsyncClient() as client:
        page = (await client.get(slack.url, params={"channel": "alerts"})).text
    assert page.index("the first") < page.index("21:37 UTC") < page.index("the second")
    assert "<time>21:37 UTC</time>" in page
    assert "class='lv critical'" in page
    assert "href='https://evil.example'" not in page
    assert "&lt;https://evil.example&gt;" in page
    assert first["ts"] not in page
