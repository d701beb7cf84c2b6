"""The job queue of the response: what a handler learned is applied with the settling of its job."""

from collections.abc import Collection, Mapping, Sequence

from dexwatch.clock import Clock
from dexwatch.incidents.events import NotificationAttempted
from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import Job, JobOutcome, JobResult
from dexwatch.jobs.queue import Slots
from dexwatch.response.apply import apply_in
from dexwatch.response.store import Store, Transaction
from dexwatch.response.views import MessageShown


class ResponseQueue:
    """Implements `jobs.queue.Queue` over a store of incidents."""

    def __init__(self, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    async def claim(
        self,
        *,
        owner: str,
        slots: Mapping[str, Slots],
        kinds: Sequence[str],
        underway: Collection[str] = (),
    ) -> list[Job]:
        """Take due jobs."""
        return await self._store.claim(owner=owner, slots=slots, kinds=kinds, underway=underway)

    async def renew(self, job: Job) -> bool:
        """Let the lease begin anew."""
        return await self._store.renew(job)

    async def settle(self, job: Job, result: JobResult) -> bool:
        """Record a result and apply what was learned.

        What a lost lease learned is left out, but for good news: that a message was delivered is
        true whoever holds the job now.
        """

        async def act(tx: Transaction) -> bool:
            if result.outcome is JobOutcome.DONE or await tx.jobs.leased(job):
                attempts = [e for e in result.events if isinstance(e, NotificationAttempted)]
                shown = [e for e in result.events if isinstance(e, MessageShown)]
                now = self._clock()
                await apply_in(tx, attempts, now, policy=self._policy)
                if shown:
                    await tx.notifications.shown(shown, now)
            return await tx.jobs.settle(job, result)

        return await self._store.transact(act)
