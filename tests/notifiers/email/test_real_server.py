"""Mail through a real server (chasquid): encryption, sign-in, refusals, and what arrives."""

import os
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from dexwatch.incidents.notice import NoticeKind
from dexwatch.notifiers.email import render
from dexwatch.notifiers.email.client import EmailNotifier
from dexwatch.notifiers.email.dialogue import SmtpError, connect, hand_over
from tests.fakes.mail_server import DOMAIN, USER, MailServer, mail_server
from tests.fakes.notices import CHART, hostile, notice
from tests.notifiers.case import DELIVERED, FAILED, RETRYABLE, SECRET

PROVES = ("C-EMAIL",)
"""Requirements that these tests prove, for `dexwatch coverage`."""

ANA = f"ana@{DOMAIN}"


@pytest.fixture
async def server(home: Path) -> AsyncIterator[MailServer]:
    async with mail_server(home) as running:
        yield running


@pytest.fixture
async def notifier(server: MailServer) -> AsyncIterator[EmailNotifier]:
    made = EmailNotifier(server.config(), trust=server.trust)
    yield made
    await made.close()


async def read(server: MailServer, count: int = 1) -> list[EmailMessage]:
    return [
        message_from_bytes(raw, policy=policy.default)  # type: ignore[misc]
        for raw in await server.delivered(count)
    ]


async def test_the_server_of_these_tests_runs_without_rights(server: MailServer) -> None:
    owner = psutil.Process(server.process.pid).uids().effective
    assert owner == (USER if os.geteuid() == 0 else os.geteuid())
    assert owner != 0


async def test_a_page_arrives_whole_over_starttls_and_sign_in(
    server: MailServer, notifier: EmailNotifier
) -> None:
    await notifier.start()
    page = notice(
        "email",
        ANA,
        title="Délai 交易所 🔥 " + "long " * 60,
        description="größer " * 400 + "\n.\n..\nend",
        chart=CHART,
    )
    result = await notifier.send(page)
    assert result.outcome is DELIVERED, result
    [mail] = await read(server)
    assert "ESMTPSA" in mail["Received"], "encrypted and signed in"
    assert mail["Subject"] == render.subject(page)
    assert mail["Message-ID"] == result.handle
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain.get_content().replace("\r\n", "\n") == render.text(page)
    assert "größer" in html.get_content()
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture.get_content().startswith(b"\x89PNG")
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html.get_content()


async def test_an_update_arrives_in_the_thread_of_the_page(
    server: MailServer, notifier: EmailNotifier
) -> None:
    page = await notifier.send(notice("email", ANA))
    update = notice("email", ANA, key="update", kind=NoticeKind.UPDATE, handle=page.handle)
    assert (await notifier.send(update)).outcome is DELIVERED
    mails = {mail["Message-ID"]: mail for mail in await read(server, 2)}
    first = mails.pop(page.handle)
    [second] = mails.values()
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == second["References"] == page.handle


async def test_hostile_text_arrives_and_adds_no_header(
    server: MailServer, notifier: EmailNotifier
) -> None:
    assert (await notifier.send(hostile("email", ANA))).outcome is DELIVERED
    [mail] = await read(server)
    assert mail["Bcc"] is None
    assert mail["To"].addresses[0].addr_spec == ANA
    assert len(mail.get_all("To")) == 1
    assert max(map(len, mail.as_bytes().splitlines())) <= 998


async def test_encryption_from_the_first_byte_works_too(server: MailServer) -> None:
    settings = server.config(port=server.tls_port, tls="tls")
    notifier = EmailNotifier(settings, trust=server.trust)
    assert (await notifier.send(notice("email", ANA))).outcome is DELIVERED
    await notifier.close()
    assert len(await server.delivered()) == 1


@pytest.mark.parametrize(
    ("changes", "trusted"),
    [
        ({"password": SecretStr(SECRET)}, True),
        ({"username": None, "password": None}, True),
        ({"tls": "none"}, True),
        ({}, False),
    ],
    ids=["wrong password", "no sign-in", "sign-in without encryption", "unknown certificate"],
)
async def test_a_server_that_cannot_be_used_as_configured_is_told_at_once(
    server: MailServer, changes: dict[str, object], trusted: bool
) -> None:
    notifier = EmailNotifier(server.config(**changes), trust=server.trust if trusted else None)
    result = await notifier.send(notice("email", ANA))
    await notifier.close()
    assert result.outcome is FAILED
    assert SECRET not in repr(result)


async def test_an_unknown_recipient_is_refused_for_good(
    server: MailServer, notifier: EmailNotifier
) -> None:
    result = await notifier.send(notice("email", f"nobody@{DOMAIN}"))
    assert result.outcome is FAILED
    assert "recipient" in result.detail


async def test_an_address_of_other_letters_is_reached(
    server: MailServer, notifier: EmailNotifier
) -> None:
    assert (await notifier.send(notice("email", f"änne@{DOMAIN}"))).outcome is DELIVERED
    [mail] = await read(server)
    assert "änne" in str(mail["To"])


async def test_a_server_that_puts_off_is_asked_again_and_then_delivers_once(
    server: MailServer, notifier: EmailNotifier
) -> None:
    server.filter("cat > /dev/null; echo later; exit 75")
    page = notice("email", ANA)
    assert (await notifier.send(page)).outcome is RETRYABLE
    server.filter("cat > /dev/null")
    assert (await notifier.send(page)).outcome is DELIVERED
    assert len(await server.delivered()) == 1


async def test_a_filter_that_refuses_html_gets_the_plain_text(
    server: MailServer, notifier: EmailNotifier
) -> None:
    server.filter("if grep -qi text/html; then echo spam; exit 20; fi")
    assert (await notifier.send(notice("email", ANA))).outcome is DELIVERED
    [mail] = await read(server)
    assert mail.get_content_type() == "text/plain"
    assert "ApiLatencyHigh" in mail.get_content()


async def test_a_slow_filter_is_waited_for_and_one_mail_arrives(
    server: MailServer, notifier: EmailNotifier
) -> None:
    server.filter("cat > /dev/null; sleep 1; touch data/judged")
    assert (await notifier.send(notice("email", ANA))).outcome is DELIVERED
    assert (server.folder / "data/judged").exists()
    assert len(await server.delivered()) == 1


async def test_more_than_the_announced_size_is_refused_before_it_is_sent(
    server: MailServer,
) -> None:
    client = await connect(server.config(), server.trust)
    with pytest.raises(SmtpError) as caught:
        await hand_over(client, f"dexwatch@{DOMAIN}", ANA, b"x" * 2_000_000)
    client.close()
    assert caught.value.content, "a smaller one may pass"
    assert caught.value.result.outcome is FAILED
