"""What a database must be able to do for the worker, and what a handler is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dexwatch.jobs.job import Job, JobResult


class QueueUnavailableError(Exception):
    """The database cannot be reached or does not answer in time; trying again may help."""


@dataclass(frozen=True)
class Slots:
    """How many jobs of a queue may be claimed now."""

    free: int
    reserved: tuple[int, ...] = ()
    """So many of these are kept from jobs of priority 0, 1, ... for more urgent ones.

    What is less urgent than the last is kept from as much as the last.
    """

    def open_to(self, priority: int) -> int:
        """Return how many jobs may be claimed down to this priority."""
        if not self.reserved:
            return self.free
        return self.free - self.reserved[min(priority, len(self.reserved) - 1)]


def reserved(most: int) -> tuple[int, ...]:
    """Return how many of so many slots are kept from P0, P1, P2 and P3 for what is more urgent.

    However many slow ones there are, half of the slots are not for P3, a quarter not for P2 and an
    eighth not for P1; one slot alone is for all.
    """
    kept = 1 if most > 1 else 0
    return (0, most // 8, max(most // 4, kept), max(most // 2, kept))


class Queue(Protocol):
    """Every method may raise `QueueUnavailableError`; what returned is durable."""

    async def claim(
        self,
        *,
        owner: str,
        slots: Mapping[str, Slots],
        kinds: Sequence[str],
        underway: Collection[str] = (),
    ) -> list[Job]:
        """Take due jobs of these kinds, the most urgent first, within the slots of each queue.

        Each call is a look at the leases as well, so it is made even when no slot is free.
        A few jobs of queues that `slots` does not name are taken too, so that they fail loudly.
        A job whose lease this process has seen unrenewed for its length (see `LeaseWatch`) is taken
        again as uncertain, unless its token is among `underway`: the caller itself still does it,
        and was only kept from renewing. When it has taken down too many
        workers it is quarantined or, if it is urgent, tried every five minutes.
        Urgent jobs of a queue that is held back are taken with the time that is left, so that
        their handler can find another way; other jobs wait.
        """

    async def renew(self, job: Job) -> bool:
        """Let the lease begin anew; False when it was lost."""

    async def settle(self, job: Job, result: JobResult) -> bool:
        """Record how an attempt ended, with all that was learned, in one transaction.

        Returns False when the lease was lost meanwhile: then the job stays as its new holder
        wants it, and the late result is only written down.
        """


class Handler(Protocol):
    """Does one attempt. It has no memory of its own between two jobs."""

    async def __call__(self, job: Job) -> JobResult:
        """Act, and end by itself: the worker cuts off nobody before `MAX_ATTEMPT_SECONDS`.

        Raises:
            QueueUnavailableError: the database is away, and nothing has been done yet; the attempt
                is made again and does not count.
        """


MAX_ATTEMPT_SECONDS = 900.0
"""A handler that takes longer has failed."""

Handlers = Mapping[str, Handler]

Crashpoints = Callable[[str], None]
"""Called with a name at each step where a crash must do no harm; tests kill the process in it."""

CRASH_POINTS = ("job.claimed", "job.attempted", "job.settled")


def no_crash(name: str) -> None:
    """Do nothing at the crash point `name`; what production passes."""
