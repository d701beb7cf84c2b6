"""A mail as the sample's mail server was given it, and the pages that show it."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from html import escape
from typing import Any

from dexwatch.demo.local.page import headers, moment, page

HEADERS = headers("frame-src 'self'; base-uri 'none'")
BODY_HEADERS = headers("sandbox allow-popups; img-src data:")
"""For the HTML part: no script, no form, no request; links open elsewhere."""

_CID = re.compile(r"cid:([^\"'\s>)]+)")
_SEVERITY = re.compile(r"\[(P[0-3])\]")
_STYLE = """
.mails a { display: grid; grid-template-columns: 1fr auto; gap: 0 16px; padding: 9px 14px;
color: var(--ink); border-bottom: 1px solid var(--grid); border-left: 3px solid var(--unknown) }
.mails a:hover { background: var(--sunken); text-decoration: none }
.mails li:last-child a { border-bottom: 0 } .mails b { overflow-wrap: anywhere }
.mails .quiet { grid-column: 1 } .mails time { grid-row: 1; grid-column: 2 }
.mails .P0 { border-left-color: var(--critical) } .mails .P1 { border-left-color: var(--warning) }
.mails .P2, .mails .P3 { border-left-color: var(--info) }
.head { padding: 14px 16px } iframe { display: block; width: 100%; height: 46rem; overflow: hidden }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin-top: 8px }
dt { color: var(--ink-3) } dd { overflow-wrap: anywhere } summary { cursor: pointer }
@media (max-width: 500px) { .mails a { grid-template-columns: 1fr }
.mails time { grid-row: auto; grid-column: 1 } }
"""


@dataclass(frozen=True)
class Mail:
    """One mail as it was handed over."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The subject line, decoded."""
        return str(self.message.get("subject", ""))

    @property
    def text(self) -> str:
        """The plain-text part, or nothing."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML part as it came, or nothing; never show it outside a sandbox."""
        return self._body("html")

    @property
    def pictures(self) -> Mapping[str, EmailMessage]:
        """Inline pictures by content id, without the angle brackets."""
        return {
            str(part["content-id"]).strip("<> "): part
            for part in self.message.walk()
            if isinstance(part, EmailMessage)
            and part["content-id"]
            and part.get_content_maintype() == "image"
        }

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""


def index(mails: Sequence[Mail]) -> str:
    """Return the list of mails, newest first; it renews itself."""
    rows = "".join(_row(mail) for mail in reversed(mails))
    shown = f"<ul class='card mails'>{rows}</ul>"
    if not mails:
        shown = "<p class='card lonely'>No mail yet. What dexwatch sends appears here.</p>"
    words = "<p class=quiet>What dexwatch sends; no mail leaves this machine.</p>"
    return page("Sample mailbox", f"<main><h1>Sample mailbox</h1>{words}{shown}</main>", _STYLE)


def _row(mail: Mail) -> str:
    severity = _SEVERITY.search(mail.subject)
    return (
        f"<li><a class='{severity[1] if severity else ''}' href='/mail/{mail.number}'>"
        f"<b>{_subject(mail)}</b>{moment(mail.received_at)}"
        f"<span class=quiet>to {escape(', '.join(mail.recipients))}</span></a></li>"
    )


def _subject(mail: Mail) -> str:
    return escape(mail.subject) or "(no subject)"


def mail_page(shown: Mail) -> str:
    """Return one mail: headers, the HTML part in a sandboxed frame, the text part."""
    text = f"<pre>{escape(shown.text) or '(none)'}</pre>"
    parts = [
        "<main><p><a href='/'>All mails</a></p>",
        f"<header class='card head'><h1>{_subject(shown)}</h1><dl>",
        f"<dt>From<dd>{escape(shown.sender)}<dt>To<dd>{escape(', '.join(shown.recipients))}",
        f"<dt>Came<dd>{moment(shown.received_at)}</dl></header>",
    ]
    if shown.html:
        source = f"/mail/{shown.number}/html"
        parts.append(
            f"<iframe sandbox='allow-popups' class=card src='{source}' title='HTML part'></iframe>"
        )
        text = f"<details><summary>Text part</summary>{text}</details>"
    parts.append(f"<section class='card head'>{text}</section></main>")
    return page(shown.subject or "(no subject)", "".join(parts), _STYLE, refresh=False)


def body_page(shown: Mail) -> str:
    """Return the HTML part with its inline pictures written into it."""

    def picture(match: re.Match[str]) -> str:
        part = shown.pictures.get(match[1])
        if part is None:
            return match[0]
        content = part.get_payload(decode=True)
        encoded = base64.b64encode(content if isinstance(content, bytes) else b"").decode()
        return f"data:{part.get_content_type()};base64,{encoded}"

    return "<!doctype html><base target=_blank>" + _CID.sub(picture, shown.html)


def plain(shown: Mail) -> dict[str, Any]:
    """Return a mail as JSON for programs that look into the mailbox."""
    return {
        "number": shown.number,
        "received_at": shown.received_at.isoformat(),
        "sender": shown.sender,
        "recipients": list(shown.recipients),
        "subject": shown.subject,
        "text": shown.text,
        "html": shown.html,
    }
