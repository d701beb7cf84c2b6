"""The mail itself: any text comes through whole, and the strictest server finds nothing wrong."""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.demo.local.mail_rules import violations
from dexwatch.incidents.notice import NoticeAlert
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.email import render
from dexwatch.notifiers.email.headers import unstructured
from dexwatch.notifiers.email.message import compose
from tests.fakes.alerts import T0
from tests.fakes.mailbox import FailingMailbox
from tests.fakes.notices import HOSTILE, notice
from tests.notifiers.case import DELIVERED, FAILED, opened
from tests.notifiers.email.case import config

ANA, SENDER = "ana@example.org", "dexwatch@example.org"
WORDS = (
    "Latence élevée", "des échanges", "délai", "à", "交易所接口响应时间过长", "取引所", "Задержка",
    "تأخير في التداول", "עיכוב", "🔥", "pool", "USDT/WBNB", "=?utf-8?q?x?=", "?=", "_", "a" * 90,
    "ß", "e\u0301", " ", "  ",
)  # fmt: skip
TITLES = st.lists(st.sampled_from(WORDS) | st.text(max_size=20), max_size=40).map(" ".join)


@settings(max_examples=200)
@given(TITLES)
def test_a_subject_in_any_language_comes_through_whole(title: str) -> None:
    page = notice("email", ANA, title=title)
    raw = compose(page, SENDER, None)
    assert violations(raw) == ()
    read = message_from_bytes(raw, policy=policy.default)
    assert read["subject"] == render.subject(page)
    # The library's older reader is another implementation.
    old = message_from_bytes(raw, policy=policy.compat32)["subject"].replace("\r\n", "")
    assert str(make_header(decode_header(old))) == render.subject(page)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=300))
def test_any_line_of_text_can_be_a_header(text: str) -> None:
    raw = unstructured("Subject", text)
    raw += b"From: a@b.example\r\nDate: Mon, 02 Mar 2026 08:00:00 +0000\r\n"
    raw += b"Message-ID: <1@b.example>\r\n\r\nx\r\n"
    assert violations(raw) == ()


def test_french_subjects_of_every_length_keep_to_the_standard() -> None:
    words = "Latence élevée des échanges à Genève dès vérifiée : délai dépassé pour l'API " * 6
    for length in range(20, 150):
        raw = compose(notice("email", ANA, title=words[:length].strip()), SENDER, None)
        assert violations(raw) == ()
        head = raw.partition(b"\r\n\r\n")[0]
        assert b"?==?" not in head
        assert max(map(len, re.findall(rb"=\?[^?]+\?.\?[^?]*\?=", head)), default=0) <= 75


TEXT = st.text(max_size=300) | st.sampled_from(["", HOSTILE, HOSTILE * 300, "\n" * 5000, ".\n.\n"])


@settings(max_examples=60)
@given(summary=TEXT, description=TEXT, name=TEXT, owner=TEXT | st.none())
def test_bodies_are_bounded_seven_bit_and_say_what_was_said(
    summary: str, description: str, name: str, owner: str | None
) -> None:
    alerts = tuple(NoticeAlert(name, Severity.P0, summary, True, T0) for _ in range(10))
    page = notice(
        "email", ANA, summary=summary, description=description, alerts=alerts, owner=owner
    )
    raw = compose(page, SENDER, None)
    assert violations(raw) == ()
    assert raw.isascii()
    assert len(raw) < 100_000
    read = message_from_bytes(raw, policy=policy.default)
    text = read.get_body(("plain",)).get_content()
    assert text.replace("\r\n", "\n") == render.text(page)


@settings(max_examples=60)
@given(
    before=st.text(max_size=60),
    ending=st.sampled_from(["\n", "\r\n", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x85"]),
    forged=st.sampled_from(["Console: https://evil.example", "- P0 All is well"]),
)
def test_foreign_lines_cannot_pass_for_ours(before: str, ending: str, forged: str) -> None:
    said = f"{before}{ending}{forged}{ending}"
    alerts = (NoticeAlert(said, Severity.P2, said, True, T0),) * 2
    page = notice(
        "email", ANA, title=said, summary=said, description=said, owner=said, alerts=alerts
    )
    lines = render.text(page).splitlines()
    assert forged not in lines
    assert [line for line in lines if line.startswith("Console:")] == [
        "Console: http://127.0.0.1:8900/incidents/INC-1"
    ]


def test_text_that_runs_from_right_to_left_is_kept_apart() -> None:
    page = notice("email", ANA, summary="תקלה \u202e txt.exe", description="ok")
    text = render.text(page)
    assert "\u202e" not in text
    assert "> \u2068תקלה txt.exe\u2069" in text
    assert 'dir="auto"' in render.html(page, picture=False)


@pytest.mark.parametrize("extensions", [True, False])
async def test_a_server_without_extensions_takes_the_mail(extensions: bool) -> None:
    async with FailingMailbox(extensions=extensions) as box:
        settings = config(f"smtp://127.0.0.1:{box.smtp_port}", username=None, password=None)
        async with opened("email", settings) as notifier:
            page = notice("email", ANA, title="Délai 漢字", description="größer " * 300)
            assert (await notifier.send(page)).outcome is DELIVERED
    assert "Délai 漢字" in box.messages[0].subject


@pytest.mark.parametrize(
    ("recipient", "extensions", "outcome", "envelope"),
    [
        ("ana@bücher.example", False, DELIVERED, "ana@xn--bcher-kva.example"),
        ("änne@example.org", True, DELIVERED, "änne@example.org"),
        ("änne@example.org", False, FAILED, ""),
    ],
)
async def test_addresses_of_other_letters_go_where_the_server_takes_them(
    recipient: str, extensions: bool, outcome: object, envelope: str
) -> None:
    async with FailingMailbox(extensions=extensions) as box:
        settings = config(f"smtp://127.0.0.1:{box.smtp_port}", username=None, password=None)
        async with opened("email", settings) as notifier:
            assert (await notifier.send(notice("email", recipient))).outcome is outcome
    assert [mail.recipients for mail in box.messages] == ([(envelope,)] if envelope else [])
