"""How long to wait before the next attempt: one policy for whatever is tried again.

RECONNECT = Backoff(first=0.5, most=15.0)
seconds = RECONNECT.delay(failures, key="wss node-1")

The delay doubles with each failure in a row, up to `most`. It is spread by a digest of the key
instead of by chance, so that many callers that failed together do not come back together, and a
test can say what the delay is. Whoever counts the failures must start again from zero after a
success: `Failures` does.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256

_MOST_DOUBLINGS = 32
_LONGEST_ASKED = 3600.0


def retry_after(header: str, *, now: datetime) -> float | None:
    """Return the seconds that a server asks to wait, at most an hour; None for nonsense.

    RFC 9110, section 10.2.3: a number of seconds, or a date.
    """
    given = header.strip()
    try:
        seconds = float(given) if given[:1].isdecimal() else _until(given, now)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_ASKED)


def _until(date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(date)
    except (TypeError, IndexError) as error:  # What the library raises for some nonsense.
        raise ValueError(date) from error
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()


@dataclass(frozen=True)
class Backoff:
    """An exponential back-off; all times are seconds.

    Raises:
        ValueError: the times or the spread make no sense.
    """

    first: float
    """The delay after the first failure."""
    most: float
    """No delay is longer, but for what a server asks by Retry-After."""
    spread: float = 0.2
    """Delays lie between (1 - spread) and (1 + spread) times the nominal one, and below `most`."""
    most_asked: float = 300.0
    """The longest Retry-After that is obeyed; a server cannot silence us for longer."""

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.most or not 0 <= self.spread < 1 or self.most_asked < 0:
            raise ValueError(f"not a back-off: {self}")

    def delay(self, failures: int, *, key: str = "", retry_after: float | None = None) -> float:
        """Return the seconds to wait after so many failures in a row, the last one included.

        `retry_after` is what the server asked for: the delay is never shorter than that.
        """
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        nominal = min(self.first * 2.0**doublings, self.most)
        digest = sha256(f"{key}#{failures}".encode()).digest()
        share = 1 + self.spread * (2 * digest[0] / 255 - 1)
        wait = min(nominal * share, self.most)
        if retry_after is not None:
            wait = max(wait, min(retry_after, self.most_asked))
        return wait


class Failures:
    """Counts the failures in a row of one thing that is tried again and again."""

    def __init__(self, backoff: Backoff, *, key: str = "") -> None:
        self._backoff = backoff
        self._key = key
        self.count = 0

    def failed(self, *, retry_after: float | None = None) -> float:
        """Count a failure and return the seconds to wait."""
        self.count += 1
        return self._backoff.delay(self.count, key=self._key, retry_after=retry_after)

    def succeeded(self) -> None:
        """Begin anew: the next failure counts as the first."""
        self.count = 0
