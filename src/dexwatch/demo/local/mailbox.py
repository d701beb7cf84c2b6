"""A mail server for the sample that keeps every mail and shows it on a page of its own.

It accepts mail on loopback from anyone and delivers it nowhere. It refuses malformed
messages as a strict server does, and can be told to be slow, full, to greylist or to hang up.
"""

import asyncio
import json
import ssl
from collections import deque
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from dexwatch import clock
from dexwatch.demo.local import mail, mail_rules
from dexwatch.demo.local.server import LOOPBACK, LoopbackServer, Reply, Request

MAILS = 500
"""How many mails are kept; the oldest go first."""


@dataclass(frozen=True)
class _Refusal:
    """How one mail is answered; without a reply the connection is cut."""

    reply: str
    after: float
    taken: bool = False


_TAKEN = _Refusal("250 2.0.0 kept", 0, taken=True)


class Mailbox(LoopbackServer):
    """`async with Mailbox(smtp_port, http_port) as box:` keeps mails in `box.messages`.

    With `login` a client must authenticate, with `tls` it must use STARTTLS first; `greylist` puts
    the first mail to each recipient off. `extensions=False` is a server without 8BITMIME, SMTPUTF8
    and SIZE. `refuse(...)` and `hang_up(...)` make the next deliveries fail as a real server would.
    Port 0 takes a free one.
    """

    def __init__(
        self,
        smtp_port: int = 0,
        http_port: int = 0,
        *,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        greylist: bool = False,
        extensions: bool = True,
        most_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        super().__init__(self._answer, http_port)
        self._login = login
        self._tls = tls
        self._greylist = greylist
        self._extensions = extensions
        self._most_bytes = most_bytes
        self._greeted: set[tuple[str, str]] = set()
        self._mails: deque[mail.Mail] = deque(maxlen=MAILS)
        self._refusals: deque[_Refusal] = deque(maxlen=10_000)
        self._smtp: asyncio.Server | None = None
        self._changed = asyncio.Condition()
        self._count = 0
        self.smtp_port = smtp_port

    @property
    def messages(self) -> tuple[mail.Mail, ...]:
        """The mails, oldest first."""
        return tuple(self._mails)

    def refuse(
        self,
        reply: str = "451 4.3.0 try again later",
        *,
        times: int = 1,
        after: float = 0,
        taken: bool = False,
    ) -> None:
        """Answer the next `times` mails with `reply` (code and words), `after` seconds late.

        With `taken` each is kept all the same.
        """
        self._refusals.extend([_Refusal(reply, after, taken=taken)] * times)

    def hang_up(self, *, taken: bool, times: int = 1, after: float = 0) -> None:
        """Cut the connection of the next `times` mails after their final dot.

        With `taken` the mail is kept although its sender cannot know.
        """
        self._refusals.extend([_Refusal("", after, taken=taken)] * times)

    def slow(self, after: float, *, times: int = 1) -> None:
        """Take the next `times` mails only `after` seconds after their final dot."""
        self._refusals.extend([replace(_TAKEN, after=after)] * times)

    async def wait(self, count: int = 1, seconds: float = 5.0) -> tuple[mail.Mail, ...]:
        """Return the mails as soon as there are `count`.

        Raises:
            TimeoutError: there were fewer after `seconds`.
        """
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self._mails) >= count)
        return self.messages

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

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds its hooks by these names.
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Announce our extensions."""
        session.host_name = hostname
        hidden = () if self._extensions else ("250-8BITMIME", "250-SMTPUTF8", "250-SIZE")
        return [line for line in responses if not (hidden and line.startswith(hidden))]

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Accept a recipient; with greylisting only at the second try."""
        pair = (envelope.mail_from or "", address)
        if self._greylist and pair not in self._greeted:
            self._greeted.add(pair)
            return "450 4.2.0 greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one mail; called by aiosmtpd with a whole envelope."""
        refusal = self._refusals.popleft() if self._refusals else _TAKEN
        await asyncio.sleep(refusal.after)
        raw = bytes(envelope.original_content or b"")
        eight_bit = "BODY=8BITMIME" in envelope.mail_options
        wrong = mail_rules.violations(raw, utf8=bool(envelope.smtp_utf8), eight_bit=eight_bit)
        if wrong:
            return f"554 5.6.0 {wrong[0]}"
        if refusal.taken:
            await self._keep(raw, envelope)
        if not refusal.reply and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return refusal.reply or "421 4.3.2 gone"

    async def _keep(self, raw: bytes, envelope: Envelope) -> None:
        message = message_from_bytes(raw, policy=policy.default)
        self._count += 1
        kept = mail.Mail(
            number=self._count,
            received_at=clock.now(),
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            message=message,
        )
        async with self._changed:
            self._mails.append(kept)
            self._changed.notify_all()

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname="mailbox.sample",
            data_size_limit=self._most_bytes,
            enable_SMTPUTF8=self._extensions,
            authenticator=self._authenticate if self._login else None,
            auth_required=self._login is not None,
            auth_require_tls=self._tls is not None,
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            timeout=30,
        )

    def _authenticate(self, *arguments: Any) -> AuthResult:  # noqa: ANN401 - aiosmtpd is untyped.
        given = arguments[-1]
        expected = self._login
        good = (
            isinstance(given, LoginPassword)
            and expected is not None
            and (given.login.decode(), given.password.decode()) == expected
        )
        return AuthResult(success=good, handled=good)

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
