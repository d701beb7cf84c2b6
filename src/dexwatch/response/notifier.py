"""What a channel to people must be able to do, and how it reports back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from dexwatch.incidents.notice import Graph, Notice
from dexwatch.incidents.records import PageResult


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended. `detail` is shown to operators and never holds a secret."""

    result: PageResult
    detail: str = ""
    handle: str | None = None
    """What later updates of the same message need, for example Slack's channel and timestamp."""
    retry_after: float | None = None
    """Seconds that the receiver asked us to wait."""

    @staticmethod
    def accepted(detail: str = "", *, handle: str | None = None) -> "Outcome":
        """The receiver has taken responsibility for the message."""
        return Outcome(PageResult.ACCEPTED, detail, handle)

    @staticmethod
    def again(detail: str, *, retry_after: float | None = None) -> "Outcome":
        """It did not get through this time and may the next."""
        return Outcome(PageResult.AGAIN, detail, retry_after=retry_after)

    @staticmethod
    def hopeless(detail: str) -> "Outcome":
        """Sending the same again cannot succeed; an operator must change something."""
        return Outcome(PageResult.HOPELESS, detail)

    @staticmethod
    def unknown(detail: str) -> "Outcome":
        """The attempt was cut off after the message may have been taken."""
        return Outcome(PageResult.UNKNOWN, detail)


class Seen(StrEnum):
    """Whether an earlier attempt reached the receiver."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Sighting:
    """The receiver's answer to whether it has a message already."""

    seen: Seen
    handle: str | None = None


class Notifier(Protocol):
    """One channel. Implementations raise nothing that they can name as an outcome."""

    name: str
    parallel: int
    """So many messages may be under way at once."""
    only_state_changes: bool
    """Updates that leave the incident's state as it was are not worth a message here."""
    shows_graph: bool

    async def start(self) -> None:
        """Prepare what the first message would otherwise wait for."""

    async def send(self, notice: Notice) -> Outcome:
        """Send or update the message; bounded by the caller's timeout."""

    async def look(self, notice: Notice) -> Sighting:
        """Say whether the receiver already has this message."""

    async def close(self) -> None:
        """Give back connections."""


class GraphSource(Protocol):
    """Where the figures of a message's graph come from."""

    async def graph(
        self, query: str, *, title: str, unit: str, limit: float | None, at: datetime
    ) -> Graph | None:
        """Return the figures around `at`, or None when there are none; bounded by the caller."""
