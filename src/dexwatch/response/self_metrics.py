"""What the role counts about itself, as samples for its metrics page."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

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


class SelfMetrics:
    """Counters since the process began; label values come from bounded sets only."""

    def __init__(self, channels: Iterable[str] = ()) -> None:
        # A rate is seen from the first event on only where the series was there before it.
        self._notifications = Counter(
            {(c, result.value): 0 for c in channels for result in DeliveryOutcome}
        )
        self._received = Counter(dict.fromkeys(RECEIVER_OUTCOMES, 0))
        self._latency: dict[tuple[str, Severity], list[float]] = {}
        self._counts = Counts(open={}, overdue=0)
        self._heard: dict[str, float] = {}

    def received(self, outcome: str) -> None:
        """Count a request to the receiver by outcome."""
        self._received[outcome] += 1

    def heard(self, source: str, at: datetime) -> None:
        """Remember when a source's dead man's signal came."""
        self._heard[source] = at.timestamp()

    def counted(self, counts: Counts) -> None:
        """Remember the latest state of affairs."""
        self._counts = counts

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
        for severity in Severity:
            yield Sample(
                own.incidents_open,
                self._counts.open.get(severity, 0),
                {"severity": severity.value},
            )
        yield Sample(own.jobs_overdue, self._counts.overdue)
        yield Sample(own.quarantined, self._counts.quarantined)
        for source, moment in self._heard.items():
            yield Sample(own.watchdog_timestamp, moment, {"source": source})
        for (channel, outcome), count in self._notifications.items():
            yield Sample(own.notifications, count, {"channel": channel, "outcome": outcome})
        for outcome, count in self._received.items():
            yield Sample(
                own.receiver_requests, count, {"receiver": "alertmanager", "outcome": outcome}
            )
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
