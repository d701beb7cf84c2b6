"""What the role counts about itself, as samples for its metrics page."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from dexwatch.clock import monotonic
from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.records import DeliveryOutcome
from dexwatch.jobs.job import Job, JobResult
from dexwatch.metrics import own
from dexwatch.metrics.sample import Distribution, Sample
from dexwatch.metrics.severity import Severity
from dexwatch.response.messaging.job import NOTIFY, message_of
from dexwatch.response.views import Counts

RECEIVER_OUTCOMES = (
    "accepted",
    "in_part",
    "unauthorized",
    "malformed",
    "too_large",
    "too_slow",
    "unavailable",
)
"""How a request to a receiver may end; in part: some of its alerts were taken, some refused."""


PING_OUTCOMES = ("sent", "withheld", "failed")
"""What a ping to the service outside may come to; withheld: a part of the way was not alive."""

_FRESH_SECONDS = 20.0
"""A store that has not answered for so long is away: it may neither answer nor refuse."""


class SelfMetrics:
    """Counters since the process began; label values come from bounded sets only."""

    def __init__(
        self, channels: Iterable[str] = (), *, steady: Callable[[], float] = monotonic
    ) -> None:
        self._steady = steady
        # A rate is seen from the first event on only where the series was there before it.
        self._notifications = Counter(
            {(c, result.value): 0 for c in channels for result in DeliveryOutcome}
        )
        self._received: Counter[tuple[str, str]] = Counter()
        self._latency: dict[tuple[str, Severity], list[float]] = {}
        self._pings = Counter(dict.fromkeys(PING_OUTCOMES, 0))
        self._counts: Counts | None = None
        self._counted_at = 0.0
        self._heard: dict[str, float] = {}
        self._clock_step: float | None = None

    def received(self, source: str) -> Callable[[str], None]:
        """Begin to count a receiver's requests; return what is told the outcome of each."""
        self._received.update(dict.fromkeys(((source, each) for each in RECEIVER_OUTCOMES), 0))

        def count(outcome: str) -> None:
            self._received[source, outcome] += 1

        return count

    def heard(self, source: str, at: datetime) -> None:
        """Remember when a source's dead man's signal came."""
        self._heard[source] = at.timestamp()

    def counted(self, counts: Counts) -> None:
        """Remember the latest state of affairs, which the store has just told."""
        self._counts, self._counted_at = counts, self._steady()

    def store_away(self) -> None:
        """Forget the state of affairs: an old one would be told as if it were true."""
        self._counts = None

    def pinged(self, outcome: str) -> None:
        """Count a ping to the service outside by outcome."""
        self._pings[outcome] += 1

    def clock_stepped(self, seconds: float) -> None:
        """Remember how far retention found the clock ahead of what it believes."""
        self._clock_step = seconds

    def settled(self, job: Job, result: JobResult, seconds: float) -> None:
        """Count an attempt; the first delivery of a page counts into the latency, too."""
        if job.kind != NOTIFY:
            return
        message = message_of(job)
        for event in result.events:
            if not isinstance(event, NotificationAttempted) or not result.attempted:
                continue
            self._notifications[message.channel, event.result.value] += 1
            if event.result is DeliveryOutcome.DELIVERED:
                bounds = own.notification_seconds.buckets
                key = (message.channel, message.severity)
                # One slot a bucket, one for what exceeds them all, one for the sum.
                slots = self._latency.setdefault(key, [0.0] * (len(bounds) + 2))
                slots[bisect_left(bounds, seconds)] += 1
                slots[-1] += seconds

    def samples(self) -> Iterator[Sample]:
        """Yield the present values."""
        counts = self._counts if self._steady() - self._counted_at < _FRESH_SECONDS else None
        yield Sample(own.store_up, float(counts is not None))
        if counts is not None:
            for severity in Severity:
                number = counts.open.get(severity, 0)
                yield Sample(own.incidents_open, number, {"severity": severity.value})
            yield Sample(own.jobs_overdue, counts.overdue)
            yield Sample(own.quarantined, counts.quarantined)
        if self._clock_step is not None:
            yield Sample(own.retention_clock_step, self._clock_step)
        for outcome, count in self._pings.items():
            yield Sample(own.outside_pings, count, {"outcome": outcome})
        for source, moment in self._heard.items():
            yield Sample(own.watchdog_timestamp, moment, {"source": source})
        for (channel, outcome), count in self._notifications.items():
            yield Sample(own.notifications, count, {"channel": channel, "outcome": outcome})
        for (source, outcome), count in self._received.items():
            yield Sample(own.receiver_requests, count, {"receiver": source, "outcome": outcome})
        for (channel, severity), slots in self._latency.items():
            yield Sample(
                own.notification_seconds,
                _distribution(slots),
                {"channel": channel, "severity": severity.value},
            )


def _distribution(slots: list[float]) -> Distribution:
    counts, running = [], 0
    for slot in slots[:-2]:
        running += int(slot)
        counts.append(running)
    return Distribution(tuple(counts), running + int(slots[-2]), slots[-1])
