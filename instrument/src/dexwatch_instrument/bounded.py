"""Label values that cannot grow without end."""

from collections.abc import Iterable
from threading import Lock

OTHER = "other"
_LENGTH = 120


class Bounded:
    """Maps values to themselves until `limit` distinct ones were seen, then new ones to "other".

    A label fed from requests would otherwise let anybody create as many time series as he likes.

    >>> feeds = Bounded(2, known=["spot"])
    >>> [feeds(name) for name in ("spot", "futures", "options", "futures")]
    ['spot', 'futures', 'other', 'futures']
    """

    def __init__(self, limit: int, *, known: Iterable[str] = ()) -> None:
        self._values = {value[:_LENGTH] for value in known}
        self._limit = limit
        self._lock = Lock()

    def __call__(self, value: object) -> str:
        """Return the label value for `value`."""
        text = str(value)[:_LENGTH]
        if text in self._values:
            return text
        with self._lock:
            if len(self._values) >= self._limit:
                return OTHER
            self._values.add(text)
        return text


def fixed(*values: str) -> Bounded:
    """Return a set that takes exactly `values`."""
    return Bounded(len(values), known=values)
