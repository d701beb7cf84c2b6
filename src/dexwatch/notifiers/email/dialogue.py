"""The talk with a mail server: how long it is waited for, and what its answers mean.

Until the final dot has been sent nothing was handed over, and a repeat is safe; after it only an
answer says whether the message was taken, and one that puts it off may say so of a message that is
kept. RFC 5321, section 4.5.3.2.6, asks for ten minutes of
patience there, because a repeat is a second copy.
"""

import asyncio
import re
import socket
import ssl

import aiosmtplib

from dexwatch.clients.unreachable import why
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.response.notifier import DeliveryResult

_TCP_SECONDS = 5.0
_COMMAND_SECONDS = 30.0
"""For the greeting and each command: some servers let strangers wait for half a minute."""

_TAKEN_SECONDS = 120.0
"""For the answer to the final dot, while the server looks for viruses and unwanted mail."""

ATTEMPT_SECONDS = 240.0
"""The longest attempt: what is slow everywhere is cut off here."""

_ADDRESSES = 4
_CONTENT_CODES = frozenset({552, 554})
_CONTENT = re.compile(r"\b5\.(2\.3|3\.4|6\.\d+|7\.0|7\.1)\b")
"""Enhanced codes for size and content (RFC 3463); 5.7.x is what filters answer with."""


class SmtpError(Exception):
    """An attempt did not succeed, and what that means."""

    def __init__(self, result: DeliveryResult, *, content: bool = False) -> None:
        super().__init__(result.detail)
        self.result = result
        self.content = content
        """The server objects to what the message says or how large it is: a plainer may pass."""


def domain(config: EmailConfig) -> str:
    """Return the sender's domain in ASCII."""
    return ascii_address(config.sender).rpartition("@")[2]


def ascii_address(address: str) -> str:
    """Return an address with its domain in ASCII; other letters before the @ stay."""
    local, _, name = address.rpartition("@")
    try:
        return f"{local}@{name.encode('idna').decode()}"
    except UnicodeError:
        return address


async def connect(config: EmailConfig, trust: ssl.SSLContext | None = None) -> aiosmtplib.SMTP:
    """Connect, encrypt and sign in.

    Raises:
        SmtpError: it did not succeed; nothing has been handed over.
    """
    try:
        connected = await _socket(config.host, config.port)
        client = aiosmtplib.SMTP(
            hostname=config.host,
            sock=connected,
            use_tls=config.tls == "tls",
            start_tls=config.tls == "starttls",
            tls_context=trust,
            timeout=_COMMAND_SECONDS,
            local_hostname=domain(config),
        )
        await client.connect()
        try:
            await _greet(client)
            if config.username and config.password:
                await client.login(config.username, config.password.get_secret_value())
        except BaseException:
            client.close()
            raise
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise SmtpError(_meaning(error, "connecting to the mail server")) from None
    return client


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Learn what the server offers; one of the old kind offers nothing."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


async def hand_over(client: aiosmtplib.SMTP, sender: str, recipient: str, mail: bytes) -> None:
    """Hand the mail over.

    Raises:
        SmtpError: it was not taken, or nobody can say whether it was.
    """
    options = []
    if client.supports_extension("size"):
        options.append(f"SIZE={len(mail)}")
    utf8 = not (sender.isascii() and recipient.isascii())
    if utf8:
        if not client.supports_extension("smtputf8"):
            said = "the mail server takes only addresses of ASCII letters (no SMTPUTF8)"
            raise SmtpError(DeliveryResult.failed(said))
        options.append("SMTPUTF8")
    encoding = "utf-8" if utf8 else "ascii"
    try:
        await client.mail(sender, options=options, encoding=encoding)
        await client.rcpt(recipient, encoding=encoding)
        ready = await client.execute_command(b"DATA")
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        size = isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code == 552
        raise SmtpError(_meaning(error, "sending"), content=size) from None
    if ready.code != 354:
        raise SmtpError(_by_code(ready.code, "us while sending"))
    await _content(client, mail)


async def _content(client: aiosmtplib.SMTP, mail: bytes) -> None:
    protocol = client.protocol
    if protocol is None:
        raise SmtpError(DeliveryResult.retryable("the mail server hung up before the message"))
    # Lines that begin with a dot get another one (RFC 5321, section 4.5.2).
    dotted = re.sub(rb"(?m)^\.", b"..", mail)
    try:
        protocol.write(dotted + (b"" if dotted.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        answer = await protocol.read_response(timeout=_TAKEN_SECONDS)
    except (aiosmtplib.SMTPException, OSError) as error:
        said = f"the mail server fell silent after the message ({type(error).__name__})"
        raise SmtpError(DeliveryResult.unknown(said)) from None
    if 200 <= answer.code < 300:
        return
    refused = answer.code in _CONTENT_CODES or bool(_CONTENT.match(answer.message.strip()))
    content = 500 <= answer.code < 600 and refused
    raise SmtpError(_by_code(answer.code, "the message", given=True), content=content)


async def _socket(host: str, port: int) -> socket.socket:
    """Return a connected socket; each of the host's addresses gets its share of the time."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_TCP_SECONDS):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = found[:_ADDRESSES]
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in addresses:
        attempt = socket.socket(family, kind, protocol)
        attempt.setblocking(False)
        try:
            async with asyncio.timeout(_TCP_SECONDS / len(addresses)):
                await loop.sock_connect(attempt, address)
        except OSError as error:  # A timeout is one, too.
            attempt.close()
            failure = error
        except BaseException:
            attempt.close()
            raise
        else:
            return attempt
    raise failure


def _meaning(error: Exception, doing: str) -> DeliveryResult:
    """Return what a failure means. The server's own words are not told: they may quote ours."""
    if isinstance(error.__cause__ or error, ssl.SSLCertVerificationError):
        return DeliveryResult.failed(f"no connection to the mail server: {why(error)}")
    # The library raises its bare base class when STARTTLS or sign-in is not offered.
    if isinstance(error, aiosmtplib.SMTPNotSupported) or type(error) is aiosmtplib.SMTPException:
        return DeliveryResult.failed("the mail server does not offer what is configured: check tls")
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        return _by_code(error.code, "the recipient")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return _by_code(error.code, "username and password")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _by_code(error.code, f"us while {doing}")
    if isinstance(error, ValueError):
        return DeliveryResult.failed("the mail server cannot take this address")
    return DeliveryResult.retryable(f"{doing} failed: {why(error)}")


def _by_code(code: int, what: str, *, given: bool = False) -> DeliveryResult:
    if 500 <= code < 600:
        return DeliveryResult.failed(f"the mail server refuses {what} (SMTP {code})")
    return DeliveryResult.retryable(f"the mail server puts off {what} (SMTP {code})", given=given)
