"""Messages by mail: text and HTML, the chart inside, updates in the first one's thread."""

import asyncio
import hashlib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

import aiosmtplib
import structlog

from dexwatch.incidents.notice import Notice, NoticeKind
from dexwatch.incidents.policy import URGENT
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.chart.renderer import ChartRenderer
from dexwatch.notifiers.email import render
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.response.notifier import DeliveryResult, LookupResult

_log = structlog.get_logger(__name__)

_CONNECT_SECONDS = 4.0
_CHART_SECONDS = {Severity.P0: 0.5, Severity.P1: 1.0, Severity.P2: 4.0, Severity.P3: 4.0}


class EmailNotifier:
    """One connection for each message; a handle is the Message-ID of the first one."""

    name = "email"
    parallel = 4
    only_state_changes = True
    shows_chart = True

    def __init__(self, config: EmailConfig, *, trust: ssl.SSLContext | None = None) -> None:
        self._config = config
        self._trust = trust
        self._renderer = ChartRenderer()

    async def start(self) -> None:
        """Load the template and the drawing library, which the first mail would wait for."""
        await asyncio.to_thread(render.load)
        await self._renderer.start()

    async def send(self, notice: Notice) -> DeliveryResult:
        """Mail the message to the one address that `notice.recipient` is."""
        picture = None
        if notice.chart is not None:
            seconds = _CHART_SECONDS[notice.severity]
            picture = await self._renderer.render(notice.chart, seconds=seconds)
        mail = self._mail(notice, picture)
        client = connection(self._config, trust=self._trust, urgent=notice.severity in URGENT)
        try:
            refused = await sign_in(client, self._config)
            return refused or await self._hand_over(client, notice, mail)
        finally:
            # What was accepted stays accepted; the good-bye may fail.
            client.close()

    async def lookup(self, notice: Notice) -> LookupResult:  # noqa: ARG002 - the same for every message.
        """Say that it cannot be known; a mail client joins a repeat by its Message-ID."""
        return LookupResult(None)

    async def close(self) -> None:
        """Let the drawing thread go."""
        self._renderer.close()

    async def _hand_over(
        self, client: aiosmtplib.SMTP, notice: Notice, mail: EmailMessage
    ) -> DeliveryResult:
        try:
            await client.sendmail(self._config.sender, [notice.recipient], mail.as_bytes())
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPReadTimeoutError) as error:
            return DeliveryResult.unknown(f"the mail server went silent ({type(error).__name__})")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _meaning(error, "sending")
        return DeliveryResult.delivered(handle=notice.handle or mail["Message-ID"])

    def _mail(self, notice: Notice, picture: bytes | None) -> EmailMessage:
        mail = EmailMessage(policy=SMTP_POLICY.clone(max_line_length=200))
        mail["From"] = Address("dexwatch", addr_spec=self._config.sender)
        mail["To"] = notice.recipient
        mail["Subject"] = render.subject(notice)
        mail["Date"] = notice.sent_at
        mail["Message-ID"] = self._message_id(notice)
        if notice.handle:
            mail["In-Reply-To"] = mail["References"] = notice.handle
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail["X-Dexwatch-Incident"] = notice.incident_id
        if notice.kind is NoticeKind.PAGE and notice.severity in URGENT:
            mail["X-Priority"], mail["Importance"] = "1", "high"
        mail.set_content(render.text(notice))
        mail.add_alternative(render.html(notice, picture=picture is not None), subtype="html")
        if picture is not None:
            html = mail.get_body(("html",))
            if html is not None:
                html.add_related(
                    picture, "image", "png", cid=f"<{render.PICTURE}>", filename="chart.png"
                )
        return mail

    def _message_id(self, notice: Notice) -> str:
        digest = hashlib.sha256(f"{notice.key}>{notice.recipient}".encode()).hexdigest()[:24]
        return f"<{notice.incident_id}.{digest}@{_domain(self._config)}>"


def connection(
    config: EmailConfig, *, trust: ssl.SSLContext | None = None, urgent: bool = True
) -> aiosmtplib.SMTP:
    """Return a client for the configured server, not yet connected."""
    return aiosmtplib.SMTP(
        hostname=config.host,
        port=config.port,
        use_tls=config.tls == "tls",
        start_tls=config.tls == "starttls",
        tls_context=trust,
        timeout=6.0 if urgent else 15.0,
        local_hostname=_domain(config),
    )


async def sign_in(client: aiosmtplib.SMTP, config: EmailConfig) -> DeliveryResult | None:
    """Connect and sign in; return what a failure means. Nothing has been handed over by then."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect()
            if config.username and config.password:
                await client.login(config.username, config.password.get_secret_value())
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return _meaning(error, "connecting")
    return None


def _domain(config: EmailConfig) -> str:
    return config.sender.rpartition("@")[2]


def _meaning(error: Exception, doing: str) -> DeliveryResult:
    """Return what a failure means. The server's own words are not told: they may quote ours."""
    if isinstance(error.__cause__ or error, ssl.SSLCertVerificationError):
        return DeliveryResult.failed(
            "the mail server's certificate is not trusted: check host and tls"
        )
    # The library raises its bare base class when STARTTLS or sign-in is not offered.
    if isinstance(error, aiosmtplib.SMTPNotSupported) or type(error) is aiosmtplib.SMTPException:
        return DeliveryResult.failed("the mail server does not offer what is configured: check tls")
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        return _by_code(max(codes, default=550), "the recipient")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return _by_code(error.code, "username and password")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _by_code(error.code, f"us while {doing}")
    if isinstance(error, ValueError):
        return DeliveryResult.failed("the mail server cannot take this address")
    return DeliveryResult.retryable(f"{doing} failed ({type(error).__name__})")


def _by_code(code: int, what: str) -> DeliveryResult:
    if 500 <= code < 600:
        return DeliveryResult.failed(f"the mail server refuses {what} (SMTP {code})")
    return DeliveryResult.retryable(f"the mail server puts off {what} (SMTP {code})")
