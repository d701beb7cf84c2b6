"""What a database must be able to do for the worker, and what a handler is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dexwatch.jobs.job import Job, JobResult


class QueueUnavailableError(Exception):
    """The database cannot be reached or does not answer in time; trying again may help."""


@dataclass(frozen=True)
class Slots:
    """How many jobs of a queue may be claimed now."""

    free: int
    low: int
    """Jobs less than urgent are claimed only within the first `low` of these."""


class Queue(Protocol):
    """Every method may raise `QueueUnavailableError`; what returned is durable."""

    async def claim(
        self, *, owner: str, slots: Mapping[str, Slots], kinds: Sequence[str]
    ) -> list[Job]:
        """Take due jobs of these kinds, the most urgent first, within the slots of each queue.

        A few jobs of queues that `slots` does not name are taken too, so that they fail loudly.
        A job whose lease ran out is taken again as uncertain. When it has taken down too many
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
