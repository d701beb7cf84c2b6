"""A mail server for the sample that keeps every mail and shows it on a page of its own.

It accepts mail on loopback from anyone and delivers it nowhere. It refuses malformed messages as a
strict server does.
"""

import asyncio
import json
from collections import deque
from email import message_from_bytes, policy
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from dexwatch import clock
from dexwatch.demo.local import mail, mail_rules
from dexwatch.demo.local.server import LOOPBACK, LoopbackServer, Reply, Request

MAILS = 500
"""How many mails are kept; the oldest go first."""
MOST_BYTES = 16 * 1024 * 1024
"""How large a mail may be."""


class Mailbox(LoopbackServer):
    """`async with Mailbox(smtp_port, http_port) as box:` keeps mails in `box.messages`.

    Port 0 takes a free one.
    """

    def __init__(self, smtp_port: int = 0, http_port: int = 0) -> None:
        super().__init__(self._answer, http_port)
        self._mails: deque[mail.Mail] = deque(maxlen=MAILS)
        self._smtp: asyncio.Server | None = None
        self._count = 0
        self.smtp_port = smtp_port

    @property
    def messages(self) -> tuple[mail.Mail, ...]:
        """The mails, oldest first."""
        return tuple(self._mails)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._smtp = await loop.create_server(self._session, LOOPBACK, self.smtp_port)
        except OSError as error:
            words = f"port {self.smtp_port} on {LOOPBACK} is taken: free it or configure another"
            raise OSError(error.errno, words) from error
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]
        return await super().__aenter__()

    async def __aexit__(self, *exception: object) -> None:
        await super().__aexit__(*exception)
        if self._smtp is not None:
            self._smtp.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd finds its hooks by these names.
        """Take one mail; called by aiosmtpd with a whole envelope."""
        malformed = self._malformed(envelope)
        if malformed:
            return malformed
        self._count += 1
        kept = mail.Mail(
            number=self._count,
            received_at=clock.now(),
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            message=message_from_bytes(_content(envelope), policy=policy.default),
        )
        self._mails.append(kept)
        return "250 2.0.0 kept"

    def _malformed(self, envelope: Envelope) -> str | None:
        eight_bit = "BODY=8BITMIME" in envelope.mail_options
        wrong = mail_rules.violations(
            _content(envelope), utf8=bool(envelope.smtp_utf8), eight_bit=eight_bit
        )
        return f"554 5.6.0 {wrong[0]}" if wrong else None

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname="mailbox.sample",
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            timeout=30,
        )

    async def _answer(self, request: Request) -> Reply:
        route, _, rest = request.path.lstrip("/").partition("/")
        if route == "":
            page = mail.index(self.messages)
            return Reply(page.encode(), headers=mail.HEADERS)
        if route == "messages.json":
            text = json.dumps([mail.plain(kept) for kept in self._mails])
            return Reply(text.encode(), kind="application/json")
        number, _, part = rest.partition("/")
        found = next((kept for kept in self._mails if str(kept.number) == number), None)
        if route != "mail" or found is None:
            return Reply(b"There is no such mail.", status=404, kind="text/plain")
        if part == "html":
            return Reply(mail.body_page(found).encode(), headers=mail.BODY_HEADERS)
        return Reply(mail.mail_page(found).encode(), headers=mail.HEADERS)


def _content(envelope: Envelope) -> bytes:
    return bytes(envelope.original_content or b"")
