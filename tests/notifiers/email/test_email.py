"""E-mail: what SMTP replies mean, and what may be configured."""

import pytest
from pydantic import SecretStr

from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.notifiers.registry import NotifyConfig
from tests.fakes.mailbox import FailingMailbox
from tests.fakes.notices import CHART, hostile, notice
from tests.fakes.smtp import scripted
from tests.notifiers.case import DELIVERED, FAILED, RETRYABLE, SECRET, UNKNOWN, opened
from tests.notifiers.email.case import config


@pytest.mark.parametrize(
    ("script", "meaning"),
    [
        ({}, DELIVERED),
        ({"greeting": "421 busy"}, RETRYABLE),
        ({"greeting": "554 no"}, FAILED),
        ({"greeting": "drop"}, RETRYABLE),
        ({"EHLO": "drop"}, RETRYABLE),
        ({"EHLO": "502 no", "HELO": "421 no"}, RETRYABLE),
        ({"AUTH": "535 wrong"}, FAILED),
        ({"AUTH": "454 later"}, RETRYABLE),
        ({"MAIL": "451 later"}, RETRYABLE),
        ({"MAIL": "550 no"}, FAILED),
        ({"MAIL": "drop"}, RETRYABLE),
        ({"RCPT": "450 greylisted"}, RETRYABLE),
        ({"RCPT": "452 full"}, RETRYABLE),
        ({"RCPT": "550 unknown"}, FAILED),
        ({"RCPT": "drop"}, RETRYABLE),
        ({"DATA": "451 later"}, RETRYABLE),
        ({"DATA": "554 no"}, FAILED),
        ({"DATA": "drop"}, RETRYABLE),
        ({"end": "250 2.0.0 queued as 1"}, DELIVERED),
        ({"end": "251 forwarded"}, DELIVERED),
        ({"end": "451 later"}, RETRYABLE),
        ({"end": "421 going down"}, RETRYABLE),
        ({"end": "550 5.1.1 no such user"}, FAILED),
        ({"end": "552 too big"}, FAILED),
        ({"end": "554 spam"}, FAILED),
        ({"end": "drop"}, UNKNOWN),
        ({"QUIT": "drop"}, DELIVERED),
    ],
)
async def test_smtp_replies(script: dict[str, str], meaning: DeliveryOutcome) -> None:
    told = {at: f"{reply} {SECRET}" if reply != "drop" else reply for at, reply in script.items()}
    async with scripted(told, []) as address, opened("email", config(address)) as notifier:
        result = await notifier.send(notice("email", "ana@example.org"))
    assert result.outcome is meaning, result
    assert SECRET not in repr(result)


@pytest.mark.parametrize(
    ("reply", "again"),
    [
        ("552 5.3.4 too big", True),
        ("552 message exceeds fixed limit", True),
        ("554 5.6.0 malformed", True),
        ("550 5.7.1 looks like spam", True),
        ("554 rejected", True),
        ("550 5.1.1 no such user", False),
        ("550 5.2.1 mailbox disabled", False),
        ("451 4.7.1 try later", False),
    ],
)
async def test_a_refusal_of_content_leads_at_once_to_a_plainer_mail(
    reply: str, again: bool
) -> None:
    async with FailingMailbox() as box:
        box.refuse(reply)
        settings = config(f"smtp://127.0.0.1:{box.smtp_port}", username=None, password=None)
        async with opened("email", settings) as notifier:
            result = await notifier.send(notice("email", "ana@example.org"))
    assert (result.outcome is DELIVERED) == again
    assert [mail.html for mail in box.messages] == ([""] if again else [])


async def test_a_mail_too_large_for_the_server_goes_without_its_chart() -> None:
    async with FailingMailbox(most_bytes=6_000) as box:
        settings = config(f"smtp://127.0.0.1:{box.smtp_port}", username=None, password=None)
        async with opened("email", settings) as notifier:
            await notifier.start()
            result = await notifier.send(notice("email", "ana@example.org", chart=CHART))
    assert result.outcome is DELIVERED
    assert box.messages[0].pictures == {}
    assert "ApiLatencyHigh" in box.messages[0].text


async def test_a_server_of_the_old_kind_takes_the_mail() -> None:
    seen: list[str] = []
    async with (
        scripted({"EHLO": "502 no"}, seen) as address,
        opened("email", config(address, username=None, password=None)) as notifier,
    ):
        assert (await notifier.send(notice("email", "ana@example.org"))).outcome is DELIVERED
    assert seen[:4] == ["EHLO", "HELO", "MAIL", "RCPT"]


async def test_mail_without_the_configured_encryption_is_not_sent() -> None:
    seen: list[str] = []
    async with (
        scripted({}, seen) as address,
        opened("email", config(address, tls="starttls")) as notifier,
    ):
        result = await notifier.send(notice("email", "ana@example.org"))
    assert result.outcome is FAILED
    assert "AUTH" not in seen


async def test_foreign_text_adds_no_header_and_no_markup() -> None:
    async with FailingMailbox() as box:
        settings = config(f"smtp://127.0.0.1:{box.smtp_port}", username=None, password=None)
        async with opened("email", settings) as notifier:
            await notifier.send(hostile("email", "ana@example.org"))
        mail = box.messages[0]
    assert mail.recipients == ("ana@example.org",)
    assert "bcc" not in {key.lower() for key in mail.message}
    assert "\u202e" not in mail.subject
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html


def test_addresses_that_could_forge_a_header_are_refused() -> None:
    for address in ("a@b\r\nBcc: c@d", "a b@c", "a@b, c@d", "<a@b>", "a", "@b"):
        with pytest.raises(ValueError, match="not a plain mail address"):
            EmailConfig(host="h", sender="d@e", to={Severity.P0: (address,)})


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
