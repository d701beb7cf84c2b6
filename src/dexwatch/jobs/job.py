"""What is due, and how an attempt at it may end. All times are seconds: no clock is compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dexwatch.backoff import Backoff

URGENT = 1
"""Priorities 0 and 1 may use the slot of a queue that is reserved for what cannot wait."""

MAX_CRASHES = 5
"""A job that takes so many workers down in a row is quarantined, unless it is urgent."""

CRASHED_LEASE = 300.0
"""Seconds between two attempts at an urgent job that has taken so many workers down."""

_AFTER_CRASH = Backoff(first=5.0, most=300.0)
_SOONEST_LOOK, _LATEST_LOOK = 1.0, 30.0
_LATEST_BARE = 3600.0


class IfPlanned(StrEnum):
    """What happens when a job with the same key is there already."""

    KEEP = "keep"
    """The job is planned once and for all: a second wish changes nothing."""
    RENEW = "renew"
    """It runs again: a waiting one takes the wish in, a running or ended one is planned anew."""


@dataclass(frozen=True)
class NewJob:
    """A wish that something happens; it is durable when its transaction commits."""

    kind: str
    """Names the handler."""
    queue: str
    """Jobs of one queue share slots and are held back together, for example a channel."""
    key: str
    """Unique among all jobs, for ever or until the job's end is forgotten."""
    payload: Mapping[str, object] = field(default_factory=dict)
    lane: str = ""
    """A part of the queue that can be held back alone, for example one receiver."""
    subject: str = ""
    """What it is about, so that it can be found and deleted with it."""
    priority: int = 2
    """0 is the most urgent; see `URGENT`."""
    delay: float = 0.0
    """Seconds until it is due."""
    lease: float = 30.0
    """Seconds after which a worker that has died is noticed; a living one renews its lease."""
    max_attempts: int | None = None
    if_planned: IfPlanned = IfPlanned.KEEP


@dataclass(frozen=True)
class Job:
    """One claimed job."""

    id: int
    kind: str
    queue: str
    lane: str
    key: str
    subject: str
    payload: Mapping[str, object]
    priority: int
    lease: float
    lease_token: str
    """Whoever holds it may settle the job; a lease that was lost has another one."""
    attempts: int
    """Counts this attempt."""
    max_attempts: int | None
    age: float
    """Seconds from the wish to this claim, by the database's clock."""
    uncertain: int
    """So many earlier attempts may have had their effect: ask before it is repeated."""
    lapsed: bool
    """The attempt right before this one was cut off: its lease ran out."""
    crashes: int
    """Attempts in a row that ended with a crash or an error of the program."""
    version: int
    """Rises with each wish, so that one during an attempt is not lost."""
    held_for: float = 0.0
    """Seconds for which the queue or lane is held back: do not act, but arrange for another way."""


@dataclass(frozen=True)
class QuarantinedJob:
    """A job that was set aside because it failed by errors of the program again and again."""

    key: str
    kind: str
    subject: str
    reason: str
    """How its last attempt ended."""
    attempts: int
    age: float
    """Seconds since it was set aside, by the database's clock."""


class JobOutcome(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    RETRY = "retry"
    UNCERTAIN = "uncertain"
    """It may have had its effect; the next attempt is told so."""
    DEAD = "dead"
    CRASHED = "crashed"
    """The handler failed by an error of the program."""


@dataclass(frozen=True)
class Hold:
    """Leave a queue, or one lane of it, alone for so many seconds."""

    seconds: float
    lane: str = ""


@dataclass(frozen=True)
class JobResult:
    """How an attempt ended, and what was learned by it."""

    outcome: JobOutcome
    detail: str = ""
    after: float | None = None
    """Seconds until the next attempt; of a job that is done, until it runs again."""
    events: tuple[object, ...] = ()
    """What the domain learns; applied in the transaction that settles the job."""
    attempted: bool = True
    """False when nothing was tried yet: the attempt does not count."""
    hold: Hold | None = None
    certain: bool = False
    """Earlier attempts are now known to have had no effect."""

    @staticmethod
    def done(
        detail: str = "", *, events: tuple[object, ...] = (), again_after: float | None = None
    ) -> "JobResult":
        """It is done; a periodic job says when it runs again."""
        return JobResult(JobOutcome.DONE, detail, again_after, events)

    @staticmethod
    def retry(
        after: float,
        detail: str = "",
        *,
        events: tuple[object, ...] = (),
        attempted: bool = True,
        hold: Hold | None = None,
    ) -> "JobResult":
        """It did not succeed and is tried again."""
        return JobResult(JobOutcome.RETRY, detail, after, events, attempted, hold)

    @staticmethod
    def uncertain(
        after: float, detail: str = "", *, events: tuple[object, ...] = ()
    ) -> "JobResult":
        """It may have succeeded; the next attempt has to find out."""
        return JobResult(JobOutcome.UNCERTAIN, detail, after, events)

    @staticmethod
    def dead(detail: str, *, events: tuple[object, ...] = ()) -> "JobResult":
        """It cannot succeed."""
        return JobResult(JobOutcome.DEAD, detail, None, events)

    @staticmethod
    def crashed(job: Job, error: Exception) -> "JobResult":
        """The handler raised an error; only its type is kept, for its text may quote a secret."""
        after = _AFTER_CRASH.delay(job.crashes + 1, key=job.key)
        detail = f"the handler failed with {type(error).__name__}"
        return JobResult(JobOutcome.CRASHED, detail, after)

    @staticmethod
    def away(job: Job, *, events: tuple[object, ...] = ()) -> "JobResult":
        """The database was away before anything was done; the longer, the less often we look."""
        after = min(max(job.age / 4, _SOONEST_LOOK), _LATEST_LOOK)
        return JobResult.retry(after, "the database was away", events=events, attempted=False)

    def bare(self) -> "JobResult":
        """Return the outcome alone, for a queue that does not take what was learned with it."""
        after = None if self.after is None else min(self.after, _LATEST_BARE)
        return JobResult(
            self.outcome, "its result was refused", after, (), self.attempted, certain=self.certain
        )
