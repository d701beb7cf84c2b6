"""What people do to incidents and to jobs that were set aside.

Each action carries who did it and an idempotency key (`source_id`), made once for one click of a
button, so a repeated request changes nothing.
The action is durable when the call returns, and sent messages are updated within a second.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

import structlog

from dexwatch.incidents.events import ActionEvent, NoteAdded
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.state import Reason
from dexwatch.jobs.job import QuarantinedJob
from dexwatch.response.apply import apply_events, apply_in
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.store import Store, Transaction

_log = structlog.get_logger(__name__)

MAX_NOTE = 4000


class ActionRejectedError(Exception):
    """The action does not fit the incident's state; the text is for the person who tried."""


_REFUSED = {
    Reason.NO_SUCH_INCIDENT: "There is no such incident.",
    Reason.ALREADY_RESOLVED: "The incident is already resolved.",
    Reason.ALREADY_ACKNOWLEDGED: "Somebody has already acknowledged the incident.",
    Reason.NOT_RESOLVED: "The incident is not resolved, so there is nothing to reopen.",
    Reason.QUARANTINED: "This could not be decided; the log of the respond role says why.",
    Reason.SUPERSEDED: "A newer incident has taken its place; use that one.",
}


class QuarantineAct(StrEnum):
    """What becomes of a quarantined job."""

    RELEASE = "release"
    """It is tried again at once, as if it were new."""
    DROP = "drop"
    """It is given up for good."""


async def act(store: Store, event: ActionEvent, now: datetime) -> Applied:
    """Apply what somebody does to an incident; of its note 4,000 characters are kept.

    Raises:
        ActionRejectedError: there is no such incident, or its state does not allow it.
    """
    event = replace(event, note=event.note.strip()[:MAX_NOTE])
    # A person's action opens no incident, so the present policy does not matter.
    applied = (await apply_events(store, [event], now, policy=Policy()))[0]
    refused = _REFUSED.get(applied.reason)
    if refused is not None:
        raise ActionRejectedError(refused)
    return applied


async def quarantined(store: Store) -> list[QuarantinedJob]:
    """Return the jobs that are set aside, the oldest first; may raise `StoreUnavailableError`."""
    return await store.transact(lambda tx: tx.jobs.quarantined())


async def end_quarantine(
    store: Store, key: str, act: QuarantineAct, *, by: str, source_id: str, now: datetime
) -> bool:
    """Release or drop a job; False when no job of this key is quarantined.

    The act is kept as an event and stands in the timeline of the incident that the job is about;
    of housekeeping, which is about none, it stands in the log alone.

    Args:
        store: where jobs are.
        key: the job's.
        act: what to do.
        by: who does it.
        source_id: made once for one act.
        now: the wall clock's time.

    Raises:
        StoreUnavailableError: nothing was done.
    """

    async def do(tx: Transaction) -> bool:
        found = await tx.jobs.quarantined(key)
        if not found:
            return False
        if act is QuarantineAct.RELEASE:
            await tx.jobs.release(key)
        else:
            await tx.jobs.drop(key)
        if found[0].subject:
            note = f"The quarantined job {key} was told to {act.value}. It had {found[0].reason}"
            event = NoteAdded(found[0].subject, by, source_id, note)
            await apply_in(tx, [event], now, policy=Policy())
        return True

    done = await store.transact(do)
    if done:
        _log.warning("jobs.quarantine_ended", job=key, act=act.value, by=by)
    return done
