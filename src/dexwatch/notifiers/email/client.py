"""Messages by mail: text and HTML, the chart inside, updates in the first one's thread."""

import asyncio
import ssl

import structlog

from dexwatch.incidents.notice import Notice
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.chart.renderer import ChartRenderer
from dexwatch.notifiers.email import render
from dexwatch.notifiers.email.config import EmailConfig
from dexwatch.notifiers.email.dialogue import (
    ATTEMPT_SECONDS,
    SmtpError,
    ascii_address,
    connect,
    hand_over,
)
from dexwatch.notifiers.email.message import compose, message_id
from dexwatch.response.notifier import DeliveryResult, LookupResult

_log = structlog.get_logger(__name__)

_CHART_SECONDS = {Severity.P0: 0.5, Severity.P1: 1.0, Severity.P2: 4.0, Severity.P3: 4.0}


class EmailNotifier:
    """One connection for each message; a handle is the Message-ID of the first one."""

    name = "email"
    # Each may wait for minutes for a slow server's word.
    parallel = 8
    shared_limit = False
    only_state_changes = True
    shows_chart = True
    attempt_seconds: float | None = ATTEMPT_SECONDS
    idempotent = False

    def __init__(self, config: EmailConfig, *, trust: ssl.SSLContext | None = None) -> None:
        self._config = config
        self._trust = trust
        self._sender = ascii_address(config.sender)
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
        result = await self._try(notice, compose(notice, self._sender, picture))
        if isinstance(result, DeliveryResult):
            return result
        _log.warning("email.plainer", refused=result.result.detail)
        plain = await self._try(notice, compose(notice, self._sender, None, html=False))
        return plain.result if isinstance(plain, SmtpError) else plain

    async def lookup(self, notice: Notice) -> LookupResult:  # noqa: ARG002 - the same for all.
        """Say that it cannot be known; a mail client joins a repeat by its Message-ID."""
        return LookupResult(None)

    async def close(self) -> None:
        """Let the drawing thread go."""
        self._renderer.close()

    async def _try(self, notice: Notice, mail: bytes) -> DeliveryResult | SmtpError:
        """Return how it ended, or the error when a plainer mail may pass."""
        try:
            client = await connect(self._config, self._trust)
            try:
                await hand_over(client, self._sender, ascii_address(notice.recipient), mail)
            finally:
                # What was taken stays taken; the good-bye may fail.
                client.close()
        except SmtpError as error:
            return error if error.content else error.result
        return DeliveryResult.delivered(handle=notice.handle or message_id(notice, self._sender))
