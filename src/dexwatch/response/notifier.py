"""What a channel to people must be able to do, and how it reports back."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from dexwatch.incidents.notice import Chart, Notice
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.response.messaging.chart import ChartRequest


@dataclass(frozen=True)
class DeliveryResult:
    """How one attempt ended. `detail` is shown to operators and never holds a secret."""

    outcome: DeliveryOutcome
    detail: str = ""
    handle: str | None = None
    """What later updates of the same message need, for example a Message-ID."""
    retry_after: float | None = None
    """Seconds that the receiver asked us to wait."""
    given: bool = False
    """It had the whole message when it put it off: some keep a copy all the same."""

    @staticmethod
    def delivered(detail: str = "", *, handle: str | None = None) -> "DeliveryResult":
        """The receiver has taken responsibility for the message."""
        return DeliveryResult(DeliveryOutcome.DELIVERED, detail, handle)

    @staticmethod
    def retryable(
        detail: str, *, retry_after: float | None = None, given: bool = False
    ) -> "DeliveryResult":
        """It did not get through this time and may the next."""
        return DeliveryResult(
            DeliveryOutcome.RETRYABLE, detail, retry_after=retry_after, given=given
        )

    @staticmethod
    def failed(detail: str) -> "DeliveryResult":
        """Sending the same again cannot succeed; an operator must change something."""
        return DeliveryResult(DeliveryOutcome.FAILED, detail)

    @staticmethod
    def unknown(detail: str) -> "DeliveryResult":
        """The attempt was cut off after the message may have been taken."""
        return DeliveryResult(DeliveryOutcome.UNKNOWN, detail)


@dataclass(frozen=True)
class LookupResult:
    """The receiver's answer to whether it has a message already."""

    delivered: bool | None
    """None when the receiver cannot tell."""
    handle: str | None = None
    away: bool = False
    """It did not answer now, and may be able to tell later."""


class Notifier(Protocol):
    """One channel. Implementations raise nothing that they can name as an outcome."""

    name: str
    parallel: int
    """So many messages may be under way at once."""
    only_state_changes: bool
    """Updates that leave the incident's state as it was are not worth a message here."""
    shows_chart: bool
    attempt_seconds: float | None
    """The longest attempt, where patience avoids copies; None for the usual limit."""
    idempotent: bool
    """Does the receiver know a repeat by its key, so that one more does no harm?"""
    shared_limit: bool
    """Does a wish to slow down hold for all recipients, or for the one that was written to?"""

    async def start(self) -> None:
        """Prepare what the first message would otherwise wait for."""

    async def send(self, notice: Notice) -> DeliveryResult:
        """Send or update the message; bounded by the caller's timeout."""

    async def lookup(self, notice: Notice) -> LookupResult:
        """Say whether the receiver already has this message."""

    async def close(self) -> None:
        """Give back connections."""


@dataclass
class Turn:
    """How far a message has come that may wait here before it is sent."""

    due: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing but a slow receiver holds it up any more."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is being sent; before that it cannot have arrived."""
    began: float = 0.0
    """The event loop's time then, in seconds."""

    def begin(self) -> None:
        """Say that it is being sent from now on."""
        if not self.begun.is_set():
            self.began = asyncio.get_running_loop().time()
            self.due.set()
            self.begun.set()


@runtime_checkable
class Waits(Protocol):
    """What a notifier offers beyond `Notifier` where messages wait for each other."""

    async def send_in_turn(self, notice: Notice, turn: Turn) -> DeliveryResult:
        """Send, and say by `turn` how far it has come; cancelled before it begins, nothing goes."""


class ChartSource(Protocol):
    """Where the values of a message's chart come from."""

    async def chart(self, request: ChartRequest) -> Chart | None:
        """Return the chart, or None when there are no data; bounded by the caller."""
