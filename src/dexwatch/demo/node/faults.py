"""What can be wrong with a node of the sample."""

from dataclasses import dataclass
from enum import StrEnum


class Malformed(StrEnum):
    """Ways in which a node answers that no client expects."""

    NO = "no"
    NULL = "null"
    """The result is null."""
    WRONG_TYPE = "wrong-type"
    """The result has another type than promised."""
    HUGE = "huge"
    """Numbers are larger than any client should believe."""
    TRUNCATED = "truncated"
    """The JSON ends in the middle."""
    ERROR = "error"
    """An error object, with HTTP status 200."""
    HTML = "html"
    """A page of some proxy, with HTTP status 200."""


@dataclass
class Faults:
    """Faults of one node; change the fields while it runs, `clear` lifts them all."""

    down: bool = False
    """Connections are refused."""
    stalled: bool = False
    """The head stands still and the subscription is silent; everything else answers."""
    lag_blocks: int = 0
    """The node falls back by so many blocks, and says that it is syncing."""
    peers: int = 25
    delay_seconds: float = 0.0
    """Every answer waits so long."""
    malformed: Malformed = Malformed.NO
    gas_price_gwei: float | None = None
    """None is the normal price of about 0.1 gwei."""
    finality_lag: int = 0
    """Blocks by which finality is later than the normal 2 to 3."""
    finality_frozen: bool = False
    receipts_late_blocks: int = 0
    """Receipts appear so many blocks after the transaction's own block."""

    def clear(self) -> None:
        """Lift all faults."""
        self.__init__()  # type: ignore[misc]  # The defaults are the healthy state.
