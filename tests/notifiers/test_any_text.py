"""Whatever strangers write: every channel delivers it, bounded, and nothing in it is obeyed."""

import asyncio
import json
import re
import unicodedata
from dataclasses import fields
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dexwatch.demo.local.blocks import violations as block_violations
from dexwatch.demo.local.mail_rules import violations as mail_violations
from dexwatch.incidents.effects import UpdateReason
from dexwatch.incidents.notice import Chart, ChartLine, Notice, NoticeAlert, NoticeKind
from dexwatch.incidents.records import NotificationReason
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.chart.drawing import draw
from dexwatch.notifiers.email import render as email_render
from dexwatch.notifiers.email.headers import structured, unstructured
from dexwatch.notifiers.email.message import compose
from dexwatch.notifiers.slack.render import messages, notes
from dexwatch.notifiers.webhook.render import document
from tests.fakes.alerts import T0
from tests.fakes.notices import notice
from tests.notifiers.case import CASES, DELIVERED, opened

HARD = (
    "\ud800", "\udfff", "\udcff", "\0", "\x1b[2J", "\u202e", "\u2066", "\u2028", "\u0085", "\r",
    "\n", "\r\nBcc: cy@example.org\r\n", "\r\n\r\n", "Console: https://evil.example", "\n.\n",
    "<!channel>", "<!here|x>", "<@U1>", "<#C1>", "<http://evil.example|Open>", "<!date^1^{x}|y>",
    "&lt;!channel&gt;", "&", "<", ">", "|", "@here", "*", "_", "~", "`", "```", "=?utf-8?q?x?=",
    "</title><script>", "תקלה", "漢", "🔥", " ",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(HARD) | st.text(st.characters(), max_size=10), max_size=12).map(
    "".join
)
MEGABYTE = "<!channel>\ud800\n\u202e" * 77_000
EVENTS = st.sampled_from([*NotificationReason, *UpdateReason])


def written(channel: str, recipient: str, texts: dict[str, str], event: Any) -> Notice:
    """Return a message in which each foreign text is what the dictionary says."""
    said = dict(texts)
    name = said.pop("alert")
    alerts = tuple(NoticeAlert(name, Severity.P0, name, n % 2 == 0, T0) for n in range(10))
    kind = NoticeKind.PAGE if isinstance(event, NotificationReason) else NoticeKind.UPDATE
    return notice(
        channel, recipient, event=event, kind=kind, alerts=alerts, sent_at=datetime.now(UTC), **said
    )


FOREIGN = ("title", "summary", "description", "owner", "resolved_by", "alert")
TEXTS = st.fixed_dictionaries(dict.fromkeys(FOREIGN, TEXT))
HUGE = dict.fromkeys(FOREIGN, MEGABYTE)


def test_every_text_of_a_message_is_tried() -> None:
    ours = {"key", "channel", "recipient", "incident_id", "runbook_url", "console_url", "handle"}
    texts = {field.name for field in fields(Notice) if field.type in (str, str | None, "str")}
    assert texts - ours == {*FOREIGN} - {"alert"}


@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=15)
@given(texts=TEXTS, event=EVENTS)
@example(texts=HUGE, event=NotificationReason.OPENED)
@example(texts=HUGE, event=UpdateReason.ACKNOWLEDGED)
def test_every_channel_delivers_it(name: str, texts: dict[str, str], event: Any) -> None:
    case = CASES[name]

    async def sent() -> list[str]:
        async with case.receiver() as stand, opened(name, stand.config) as notifier:
            result = await notifier.send(written(name, case.recipient, texts, event))
            assert result.outcome is DELIVERED, result
            return stand.shown()

    (shown,) = asyncio.run(sent())
    assert len(shown) < 200_000


def clean(text: str) -> bool:
    """Tell whether nothing in a text forges lines, turns its direction or cannot be encoded."""
    return not any(
        unicodedata.category(c) in ("Cs", "Cc", "Zl", "Zp") or c in "\u202a\u202b\u202d\u202e\u2066"
        for c in text
    )


@settings(max_examples=100)
@given(texts=TEXTS, event=EVENTS)
@example(texts=HUGE, event=UpdateReason.ACKNOWLEDGED)
def test_slack_finds_no_markup_but_ours(texts: dict[str, str], event: Any) -> None:
    page = written("slack", "#alerts", texts, event)
    for version in (*messages(page), *notes(page)):
        json.dumps(version, ensure_ascii=False).encode()
        blocks = version.get("blocks", [])
        assert block_violations(blocks) == ()
        shown = [version["text"]]
        shown += [block["text"]["text"] for block in blocks if "text" in block]
        shown += [element["text"] for block in blocks for element in block.get("elements", ())
                  if block["type"] == "context"]  # fmt: skip
        for text in shown:
            ours = re.sub(rf"<!date\^{int(T0.timestamp())}\^{{time_secs}}\|[0-9:]+ UTC>", "", text)
            assert not re.search("<(?!\u2060)|@(?!\u2060)", ours)
            assert all(map(clean, ours.split("\n")))


@settings(max_examples=100)
@given(texts=TEXTS, event=EVENTS)
@example(texts=HUGE, event=UpdateReason.ACKNOWLEDGED)
@example(
    texts=dict.fromkeys(FOREIGN, "Console: https://evil.example=?utf-8?q?x?="),
    event=NotificationReason.OPENED,
)
def test_a_mail_has_no_header_and_no_line_but_ours(texts: dict[str, str], event: Any) -> None:
    page = written("email", "ana@example.org", texts, event)
    raw = compose(page, "dexwatch@example.org", None)
    assert mail_violations(raw) == ()
    read = message_from_bytes(raw, policy=policy.default)
    plain = compose(notice("email", "ana@example.org", kind=page.kind, event=event), "a@b.c", None)
    assert read.keys() == message_from_bytes(plain, policy=policy.default).keys()
    assert read["subject"] == email_render.subject(page)
    lines = email_render.text(page).split("\n")
    assert all(map(clean, lines))
    assert [line for line in lines if line.startswith("Console:")] == [
        "Console: http://127.0.0.1:8900/incidents/INC-1"
    ]
    assert "<script" not in email_render.html(page, picture=False)


@given(TEXT)
@example(MEGABYTE)
def test_a_header_takes_any_text(text: str) -> None:
    for raw in (unstructured("Subject", text), structured("To", text)):
        assert raw.endswith(b"\r\n")
        assert not re.search(rb"\r\n[^ ]", raw)


@settings(max_examples=100)
@given(texts=TEXTS, event=EVENTS)
@example(texts=HUGE, event=UpdateReason.ACKNOWLEDGED)
def test_a_webhook_document_is_bounded_and_every_parser_takes_it(
    texts: dict[str, str], event: Any
) -> None:
    made = document(written("webhook", "ops", texts, event))
    raw = json.dumps(made, ensure_ascii=False, default=str).encode()
    assert len(raw) < 100_000

    def strings(value: object) -> list[str]:
        if isinstance(value, dict):
            return [text for one in value.values() for text in strings(one)]
        if isinstance(value, list):
            return [text for one in value for text in strings(one)]
        return [value] if isinstance(value, str) else []

    assert all(clean(line) for text in strings(made) for line in text.split("\n"))
    assert "\n" not in f"{made['headline']}{made['told']}"


@settings(max_examples=20)
@given(TEXT)
@example(MEGABYTE)
def test_a_chart_is_drawn(text: str) -> None:
    points = ((0.0, 0.0), (60.0, 1.0))
    assert draw(Chart(text, "", (ChartLine(text, points), ChartLine(text, points))))
