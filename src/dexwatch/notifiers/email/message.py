"""A notice as a mail: 7-bit bytes that any server takes, in the thread of the incident's first."""

import hashlib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from dexwatch.incidents.notice import Notice, NoticeKind
from dexwatch.incidents.policy import URGENT
from dexwatch.notifiers.email import render
from dexwatch.notifiers.email.dialogue import ascii_address
from dexwatch.notifiers.email.headers import structured, unstructured

# Every body is encoded, so that no server has to offer 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


def compose(notice: Notice, sender: str, picture: bytes | None, *, html: bool = True) -> bytes:
    """Return the mail, with CRLF at the ends of its lines.

    Args:
        notice: what is told, to the one address `notice.recipient`.
        sender: the address that it comes from, its domain in ASCII.
        picture: the chart as PNG, shown inside the HTML.
        html: False gives text alone, which a filter has the least reason to refuse.
    """
    mail = EmailMessage(policy=_POLICY)
    mail.set_content(render.text(notice))
    if html:
        mail.add_alternative(render.html(notice, picture=picture is not None), subtype="html")
        body = mail.get_body(("html",))
        if picture is not None and body is not None:
            body.add_related(
                picture, "image", "png", cid=f"<{render.PICTURE}>", filename="chart.png"
            )
    headers = (structured(name, value) for name, value in _headers(notice, sender))
    return b"".join(headers) + unstructured("Subject", render.subject(notice)) + mail.as_bytes()


def message_id(notice: Notice, sender: str) -> str:
    """Return the same Message-ID for all attempts of one message to one recipient."""
    digest = hashlib.sha256(f"{notice.key}>{notice.recipient}".encode()).hexdigest()[:24]
    return f"<{notice.incident_id}.{digest}@{sender.rpartition('@')[2]}>"


def _headers(notice: Notice, sender: str) -> list[tuple[str, str]]:
    listed = [
        ("From", f"dexwatch <{sender}>"),
        ("To", f"<{ascii_address(notice.recipient)}>"),
        ("Date", format_datetime(notice.sent_at)),
        ("Message-ID", message_id(notice, sender)),
    ]
    if notice.handle:
        listed += [("In-Reply-To", notice.handle), ("References", notice.handle)]
    listed += [
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Dexwatch-Incident", notice.incident_id),
    ]
    if notice.kind is NoticeKind.PAGE and notice.severity in URGENT:
        listed += [("X-Priority", "1"), ("Importance", "high")]
    return listed
