"""A mail as the sample's mail server was given it, and the pages that show it."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from html import escape
from typing import Any

from dexwatch.demo.local.page import headers, page

HEADERS = headers("frame-src 'self'; base-uri 'none'")
BODY_HEADERS = headers("sandbox allow-popups; img-src data:")
"""For the HTML part: no script, no form, no request; links open elsewhere."""

_CID = re.compile(r"cid:([^\"'\s>)]+)")
_STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem }
table { width: 100%; border-collapse: collapse } td, th { text-align: left; padding: .4rem .5rem;
border-bottom: 1px solid var(--line); overflow-wrap: anywhere } th { font-weight: 600 }
time { white-space: nowrap; opacity: .7 }
iframe { width: 100%; height: 40rem; border: 1px solid var(--line); background: #fff }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: 1rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dd { margin: 0 }
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
    rows = "".join(
        f"<tr><td><time>{mail.received_at:%H:%M:%S}</time>"
        f"<td><a href='/mail/{mail.number}'>{escape(mail.subject) or '(no subject)'}</a>"
        f"<td>{escape(', '.join(mail.recipients))}"
        for mail in reversed(mails)
    )
    table = f"<table><tr><th>Came<th>Subject<th>To{rows}</table>"
    if not mails:
        table = "<p>No mail yet. What dexwatch sends appears here.</p>"
    return _page("Sample mailbox", table, refresh=True)


def mail_page(shown: Mail) -> str:
    """Return one mail: headers, the HTML part in a sandboxed frame, the text part."""
    parts = [
        "<p><a href='/'>All mails</a></p><dl>",
        f"<dt>From<dd>{escape(shown.sender)}<dt>To<dd>{escape(', '.join(shown.recipients))}",
        f"<dt>Came<dd><time>{shown.received_at:%Y-%m-%d %H:%M:%S} UTC</time></dl>",
    ]
    if shown.html:
        source = f"/mail/{shown.number}/html"
        parts.append(f"<iframe sandbox='allow-popups' src='{source}' title='HTML part'></iframe>")
    parts.append(f"<h2>Text part</h2><pre>{escape(shown.text) or '(none)'}</pre>")
    return _page(shown.subject or "(no subject)", "".join(parts))


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


def _page(title: str, content: str, *, refresh: bool = False) -> str:
    return page(title, f"<h1>{escape(title)}</h1>{content}", _STYLE, refresh=refresh)
