"""The sample's mail server, told to fail in the ways in which real ones fail."""

import asyncio
from collections import deque
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session

from dexwatch.demo.local.mail import Mail
from dexwatch.demo.local.mailbox import MOST_BYTES, Mailbox


@dataclass(frozen=True)
class _Refusal:
    """How one mail is answered; without a reply the connection is cut."""

    reply: str
    after: float
    taken: bool = False


_TAKEN = _Refusal("250 2.0.0 kept", 0, taken=True)


class FailingMailbox(Mailbox):
    """`refuse(...)`, `slow(...)` and `hang_up(...)` make the next deliveries fail.

    `greylist` puts the first mail to each recipient off.
    `extensions=False` is a server without 8BITMIME, SMTPUTF8 and SIZE.
    """

    def __init__(
        self, *, greylist: bool = False, extensions: bool = True, most_bytes: int = MOST_BYTES
    ) -> None:
        super().__init__()
        self._greylist, self._extensions, self._most_bytes = greylist, extensions, most_bytes
        self._greeted: set[tuple[str, str]] = set()
        self._refusals: deque[_Refusal] = deque(maxlen=10_000)
        self._changed = asyncio.Condition()

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
        self.refuse("", times=times, after=after, taken=taken)

    def slow(self, after: float, *, times: int = 1) -> None:
        """Take the next `times` mails only `after` seconds after their final dot."""
        self.refuse(_TAKEN.reply, times=times, after=after, taken=True)

    async def wait(self, count: int = 1, seconds: float = 5.0) -> tuple[Mail, ...]:
        """Return the mails as soon as there are `count`.

        Raises:
            TimeoutError: there were fewer after `seconds`.
        """
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.messages) >= count)
        return self.messages

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

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one mail, or fail as told; one that is malformed is refused in any case."""
        refusal = self._refusals.popleft() if self._refusals else _TAKEN
        await asyncio.sleep(refusal.after)
        malformed = self._malformed(envelope)
        if malformed:
            return malformed
        if refusal.taken:
            await super().handle_DATA(server, session, envelope)
            async with self._changed:
                self._changed.notify_all()
        if not refusal.reply and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return refusal.reply or "421 4.3.2 gone"

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname="mailbox.sample",
            data_size_limit=self._most_bytes,
            enable_SMTPUTF8=self._extensions,
            timeout=30,
        )
