"""What every channel promises: what answers mean, no secret told, hostile text harmless."""

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog
from pydantic import SecretStr

import dexwatch.notifiers as channels
from dexwatch.demo.local.mailbox import Mailbox
from dexwatch.demo.local.server import LoopbackServer, Reply, Request
from dexwatch.demo.local.slack import Failure, Fault, SlackFake
from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import NoticeKind
from dexwatch.incidents.records import DeliveryOutcome, IncidentState
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers import registry as notifiers
from dexwatch.notifiers.config import EmailConfig, NotifyConfig, SlackConfig, WebhookConfig
from dexwatch.notifiers.registry import NOTIFIERS, build, routes
from dexwatch.response.notifier import DeliveryResult, Notifier
from tests.fakes.notices import hostile, notice
from tests.fakes.receiver import Receiver

DELIVERED, RETRYABLE = DeliveryOutcome.DELIVERED, DeliveryOutcome.RETRYABLE
FAILED, UNKNOWN = DeliveryOutcome.FAILED, DeliveryOutcome.UNKNOWN
SECRET = "top-secret-of-the-test"


def config(*, slack: str = "http://127.0.0.1:1", hook: str = "http://127.0.0.1:1", smtp: int = 1):
    return NotifyConfig(
        email=EmailConfig(
            host="127.0.0.1",
            port=smtp,
            tls="none",
            sender="dexwatch@example.org",
            to={Severity.P1: ("ana@example.org",)},
            username="dexwatch",
            password=SecretStr(SECRET),
        ),
        slack=SlackConfig(
            token=SecretStr(SECRET), api_url=slack, channels={Severity.P1: "#alerts"}
        ),
        webhooks=(WebhookConfig(name="ops", url=hook, secret=SecretStr(SECRET)),),
    )


RECIPIENT = {"slack": "#alerts", "email": "ana@example.org", "webhook": "ops"}
Answer = Callable[[Request], Awaitable[Reply]]


@asynccontextmanager
async def channel(name: str, settings: NotifyConfig) -> AsyncIterator[Notifier]:
    made = build(settings)
    try:
        yield made[name]
    finally:
        for notifier in made.values():
            await notifier.close()


async def tried(name: str, reply: Reply) -> DeliveryResult:
    async def answer(_: Request) -> Reply:
        return reply

    async with LoopbackServer(answer) as server:
        settings = config(slack=server.url, hook=server.url)
        async with channel(name, settings) as notifier:
            return await notifier.send(notice(name, RECIPIENT[name]))


@pytest.mark.parametrize("name", ["slack", "webhook"])
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        *((code, FAILED) for code in (301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422)),
        *((code, RETRYABLE) for code in (408, 425, 429)),
        *((code, UNKNOWN) for code in (500, 502, 503, 504)),
    ],
)
async def test_http_statuses(name: str, status: int, meaning: DeliveryOutcome) -> None:
    target = {"location": "http://127.0.0.1:1/", "retry-after": "7"}
    outcome = await tried(name, Reply(b"{}", status=status, headers=target))
    assert outcome.outcome is meaning
    assert outcome.retry_after == (7 if status == 429 else None)
    assert str(status) in outcome.detail


@pytest.mark.parametrize("name", ["slack", "webhook"])
async def test_a_connection_that_breaks_leaves_it_unknown(name: str) -> None:
    assert (await tried(name, Reply(b"", reset=True))).outcome is UNKNOWN


@pytest.mark.parametrize("name", sorted(RECIPIENT))
async def test_a_closed_port_is_tried_again(name: str) -> None:
    async with channel(name, config()) as notifier:
        outcome = await notifier.send(notice(name, RECIPIENT[name]))
    assert outcome.outcome is RETRYABLE


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
    outcome = await tried("slack", Reply(body, kind="application/json"))
    assert outcome.outcome is meaning
    assert outcome.handle == ("C1:1.2" if meaning is DELIVERED else None)


async def smtp_server(script: dict[str, str], seen: list[str]) -> asyncio.Server:
    """Serve one dialogue; `script` tells the reply by verb, `drop` cuts the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        in_data = False

        async def say(reply: str) -> bool:
            if reply == "drop":
                return False
            writer.write(f"{reply}\r\n".encode())
            await writer.drain()
            return True

        going = await say(script.get("greeting", "220 test"))
        while going and (line := (await reader.readline()).decode("latin-1").rstrip("\r\n")) != "":
            if in_data and line != ".":
                continue
            verb = "end" if in_data else line.split(" ")[0].upper()
            in_data = False
            seen.append(verb)
            usual = {"EHLO": "250-test\r\n250 AUTH PLAIN LOGIN", "DATA": "354 go"}
            usual |= {"AUTH": "235 fine", "QUIT": "221 bye"}
            reply = script.get(verb, usual.get(verb, "250 ok"))
            in_data = verb == "DATA" and reply.startswith("354")
            going = await say(reply)
            while in_data and going:
                line = (await reader.readline()).decode("latin-1").rstrip("\r\n")
                if line == ".":
                    seen.append("end")
                    in_data = False
                    going = await say(script.get("end", "250 ok"))
        writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("script", "meaning"),
    [
        ({}, DELIVERED),
        ({"greeting": "421 busy"}, RETRYABLE),
        ({"greeting": "554 no"}, FAILED),
        ({"AUTH": "535 wrong"}, FAILED),
        ({"AUTH": "454 later"}, RETRYABLE),
        ({"MAIL": "451 later"}, RETRYABLE),
        ({"MAIL": "550 no"}, FAILED),
        ({"RCPT": "450 greylisted"}, RETRYABLE),
        ({"RCPT": "452 full"}, RETRYABLE),
        ({"RCPT": "550 unknown"}, FAILED),
        ({"DATA": "451 later"}, RETRYABLE),
        ({"DATA": "554 no"}, FAILED),
        ({"end": "451 later"}, RETRYABLE),
        ({"end": "552 too big"}, FAILED),
        ({"end": "554 spam"}, FAILED),
        ({"end": "drop"}, UNKNOWN),
        ({"QUIT": "drop"}, DELIVERED),
    ],
)
async def test_smtp_replies(script: dict[str, str], meaning: DeliveryOutcome) -> None:
    server = await smtp_server(script, [])
    port = server.sockets[0].getsockname()[1]
    async with channel("email", config(smtp=port)) as notifier:
        outcome = await notifier.send(notice("email", "ana@example.org"))
    server.close()
    assert outcome.outcome is meaning, outcome


async def test_mail_without_the_configured_encryption_is_not_sent() -> None:
    seen: list[str] = []
    server = await smtp_server({}, seen)
    settings = config(smtp=server.sockets[0].getsockname()[1])
    safe = settings.email.model_copy(update={"tls": "starttls"})
    async with channel("email", settings.model_copy(update={"email": safe})) as notifier:
        outcome = await notifier.send(notice("email", "ana@example.org"))
    server.close()
    assert outcome.outcome is FAILED
    assert "AUTH" not in seen


@pytest.mark.parametrize("name", sorted(RECIPIENT))
async def test_no_secret_in_any_outcome_log_or_picture_of_the_notifier(name: str) -> None:
    told: list[str] = []
    with structlog.testing.capture_logs() as logs:
        if name != "email":
            told += [
                repr(await tried(name, Reply(SECRET.encode(), status=500))),
                repr(await tried(name, Reply(SECRET.encode(), status=401))),
                repr(await tried(name, Reply(b"", reset=True))),
            ]
        async with channel(name, config()) as notifier:
            told.append(repr(await notifier.send(notice(name, RECIPIENT[name]))))
            told.append(repr(notifier))
    server = await smtp_server({"AUTH": f"535 {SECRET}", "EHLO": "250 AUTH PLAIN"}, [])
    settings = config(smtp=server.sockets[0].getsockname()[1])
    async with channel("email", settings) as notifier:
        told.append(repr(await notifier.send(notice("email", "ana@example.org"))))
    server.close()
    told.append(repr(settings))
    assert SECRET not in "".join(told) + repr(logs)


@pytest.mark.parametrize("name", sorted(RECIPIENT))
async def test_hostile_text_is_accepted_by_strict_receivers_and_harmless(name: str) -> None:
    async with (
        SlackFake(token=SECRET) as slack,
        Mailbox(login=None) as mailbox,
        Receiver(SECRET) as hook,
    ):
        settings = config(slack=slack.api_url, hook=hook.url, smtp=mailbox.smtp_port)
        plain = settings.email.model_copy(update={"username": None, "password": None})
        settings = settings.model_copy(update={"email": plain})
        sent_at = datetime.now(UTC)
        async with channel(name, settings) as notifier:
            bad = hostile(name, RECIPIENT[name], sent_at=sent_at)
            first = await notifier.send(bad)
            assert first.outcome is DELIVERED, (first, hook.refused)
            update = replace(
                bad,
                key="u",
                kind=NoticeKind.UPDATE,
                event=UpdateReason.ACKNOWLEDGED,
                state=IncidentState.ACKNOWLEDGED,
                handle=first.handle,
            )
            assert (await notifier.send(update)).outcome is DELIVERED
        if name == "slack":
            shown = slack.messages[0]
            texts = shown.text + repr(shown.blocks) + repr(slack.messages[1].text)
            assert "<!channel>" not in texts
            assert "<@U1>" not in texts
            assert "@here" not in texts
        if name == "email":
            mail = mailbox.messages[0]
            assert mail.recipients == ("ana@example.org",)
            assert "bcc" not in {key.lower() for key in mail.message}
            assert "\u202e" not in mail.subject
            assert "<script>" not in mail.html
            assert "&lt;script&gt;" in mail.html
        if name == "webhook":
            assert len(hook.received[0]["incident"]["summary"]) <= 4000


async def test_redirects_are_not_followed() -> None:
    reached: list[Request] = []

    async def elsewhere(request: Request) -> Reply:
        reached.append(request)
        return Reply(b"ok")

    async with LoopbackServer(elsewhere) as other:
        location = {"location": f"{other.url}/inside"}
        outcome = await tried("webhook", Reply(b"", status=307, headers=location))
    assert outcome.outcome is FAILED
    assert reached == []


async def test_slack_keeps_one_message_and_tells_changes_in_its_thread() -> None:
    async with SlackFake(token=SECRET) as slack:
        settings = config(slack=slack.api_url)
        async with channel("slack", settings) as notifier:
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
        channel("slack", config(slack=slack.api_url)) as notifier,
    ):
        slack.fail(Failure(fault, accepted=taken))
        page = notice("slack", "#alerts")
        assert (await notifier.send(page)).outcome is UNKNOWN
        found = await notifier.lookup(page)
        assert found.delivered is taken
        if taken:
            channel_id = slack.channel_id("alerts")
            assert found.handle == f"{channel_id}:{slack.messages[0].ts}"


async def test_a_webhook_receiver_sees_one_key_for_all_attempts() -> None:
    async with Receiver(SECRET) as hook:
        hook.answers.append(None)
        async with channel("webhook", config(hook=hook.url)) as notifier:
            page = notice("webhook", "ops", sent_at=datetime.now(UTC))
            assert (await notifier.send(page)).outcome is UNKNOWN
            assert (await notifier.send(page)).outcome is DELIVERED
        assert (len(hook.received), hook.repeats, hook.refused) == (1, 1, [])


def test_everybody_configured_is_routed_and_a_slow_channel_cannot_hold_all() -> None:
    listed = routes(config())
    assert {r.channel for r in listed[Severity.P1]} == {c.name for c in NOTIFIERS}
    assert [r.channel for r in listed[Severity.P3]] == ["webhook"]
    assert all(n.parallel >= 1 for n in build(config()).values())


def test_addresses_that_could_forge_a_header_are_refused() -> None:
    for address in ("a@b\r\nBcc: c@d", "a b@c", "a@b, c@d", "<a@b>", "a", "@b"):
        with pytest.raises(ValueError, match="not a plain mail address"):
            EmailConfig(host="h", sender="d@e", to={Severity.P0: (address,)})
    for url in ("ftp://h/", "file:///etc/passwd", "https://u:p@h/", "https://"):
        with pytest.raises(ValueError, match="address"):
            WebhookConfig(name="x", url=url, secret=SecretStr("s" * 16))


def test_a_password_crosses_no_network_in_the_clear() -> None:
    def mail(host: str, **more: object) -> EmailConfig:
        return EmailConfig(host=host, sender="d@e", to={}, password=SecretStr("s3cret"), **more)

    for host in ("mail.example.org", "192.0.2.1", "localhost.example.org"):
        with pytest.raises(ValueError, match="starttls or tls") as caught:
            mail(host, tls="none")
        assert "s3cret" not in str(caught.value)
        raw = {"host": host, "sender": "d@e", "to": {}, "tls": "none", "password": "s3cret"}
        with pytest.raises(ValueError, match="starttls or tls") as caught:
            NotifyConfig.model_validate({"email": raw})
        assert "s3cret" not in str(caught.value)
        assert mail(host).tls == "starttls"
        assert EmailConfig(host=host, sender="d@e", to={}, tls="none").password is None
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"):
        assert mail(host, tls="none").host == host


def test_every_notifier_is_in_the_catalogue_once() -> None:
    found = pkgutil.iter_modules(channels.__path__, prefix="dexwatch.notifiers.")
    modules = [importlib.import_module(m.name) for m in found if m.name != notifiers.__name__]
    listed = [c.build for c in NOTIFIERS]
    assert len(listed) == len(set(listed)) == len({c.name for c in NOTIFIERS})
    assert set(listed) == {m.build for m in modules if hasattr(m, "build")}
