"""Decides about events and makes the decisions durable, whole batches in one transaction.

`apply_events` is the way in for alerts and for people; `apply_in` serves whoever has a transaction
already, such as the settling of a job.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count

import structlog

from dexwatch.incidents.events import (
    AlertFired,
    AlertResolved,
    Event,
    NotificationAttempted,
)
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.state import Reason
from dexwatch.response.deciding.batch import (
    Applied,
    Batch,
    act_key,
    apply_one,
    groups_of,
)
from dexwatch.response.store import (
    DecidedEvent,
    RacedError,
    Store,
    StoreUnavailableError,
    Transaction,
)

_log = structlog.get_logger(__name__)

_PROVISIONAL = 1 << 60
"""Incidents that only count how many numbers are needed get those from here on."""


async def apply_events(
    store: Store, events: Sequence[Event], now: datetime, *, policy: Policy
) -> list[Applied]:
    """Decide about the events in order and return when that is durable.

    An event that cannot be decided, or that the database does not take, is quarantined: kept, told
    in the log and counted. It never keeps the others of its batch from being decided.

    Args:
        store: where incidents are.
        events: what was learned.
        now: the wall clock's time.
        policy: what new incidents take.

    Raises:
        StoreUnavailableError: nothing was applied; try again.
    """
    try:
        return await store.transact(lambda tx: apply_in(tx, events, now, policy=policy))
    except Exception as error:
        # A race that is lost each time is none: a row is there that deciding did not reckon with.
        if isinstance(error, StoreUnavailableError) and not isinstance(error, RacedError):
            raise
        if len(events) == 1:
            return [await _quarantine(store, events[0], now, error)]
        _log.warning("events.applied_singly", events=len(events), error=type(error).__name__)
        applied: list[Applied] = []
        for event in events:
            applied += await apply_events(store, [event], now, policy=policy)
        return applied


async def apply_in(
    tx: Transaction, events: Sequence[Event], now: datetime, *, policy: Policy
) -> list[Applied]:
    """Decide about the events within a transaction that the caller commits."""
    if not events:
        return []
    batch = await _load(tx, events)
    decided = batch.copy()
    applied = _apply_all(decided, events, now, policy, count(_PROVISIONAL))
    opened = sum(one.opened for one in applied)
    if opened:
        # Numbers are taken only for incidents that open, so that none is left out; deciding is
        # pure, so that it can simply be done again with them.
        numbers = await tx.incidents.next_numbers(opened)
        decided = batch.copy()
        applied = _apply_all(decided, events, now, policy, iter(numbers))
    await _save(tx, decided, now)
    return applied


async def _load(tx: Transaction, events: Sequence[Event]) -> Batch:
    """Lock the groups that the events are about, and read what decisions about them look at."""
    of_alerts = [e for e in events if isinstance(e, AlertFired | AlertResolved)]
    others = [e for e in events if not isinstance(e, AlertFired | AlertResolved)]
    keys = {(e.source, e.fingerprint) for e in of_alerts}
    ids = {e.incident_id for e in others}
    attempts = {e.notification_id for e in others if isinstance(e, NotificationAttempted)}
    acts = {(e.incident_id, act_key(e)) for e in others if not isinstance(e, NotificationAttempted)}

    alerts, incidents = await tx.alerts.get(keys), await tx.incidents.get(ids)
    groups = groups_of(of_alerts, alerts)
    groups |= {record.incident.group for record in incidents.values()}
    newest = await tx.incidents.lock(groups)
    if not tx.exclusive:
        # Only now does nobody else change them.
        alerts, incidents = await tx.alerts.get(keys), await tx.incidents.get(ids)
        if not groups.issuperset(groups_of(of_alerts, alerts)):
            raise RacedError("an alert has moved to another group")
    return Batch(
        alerts=alerts,
        newest=newest,
        incidents=incidents,
        notifications=await tx.notifications.rounds(attempts),
        lines=await tx.timeline.known(acts),
    )


def _apply_all(
    batch: Batch, events: Sequence[Event], now: datetime, policy: Policy, numbers: Iterator[int]
) -> list[Applied]:
    applied = []
    number = next(numbers)
    for event in events:
        one = apply_one(batch, event, now, policy, number)
        if one.opened:
            # After the last number nothing opens any more.
            number = next(numbers, _PROVISIONAL)
        applied.append(one)
    return applied


async def _save(tx: Transaction, batch: Batch, now: datetime) -> None:
    if batch.changed_incidents:
        await tx.incidents.save(list(batch.changed_incidents.values()))
    if batch.changed_alerts:
        await tx.alerts.save(list(batch.changed_alerts.values()))
    if batch.changed_notifications:
        await tx.notifications.save(list(batch.changed_notifications.values()))
    if batch.new_lines:
        await tx.timeline.add(batch.new_lines)
    if batch.jobs:
        await tx.jobs.add(list(batch.jobs.values()))
    if batch.expedited:
        await tx.jobs.expedite(batch.expedited)
    await tx.events.add(batch.decided, now)


async def _quarantine(store: Store, event: Event, now: datetime, error: Exception) -> Applied:
    """Keep an event that could not be applied, where people find it."""
    _log.error("event.quarantined", kind=type(event).__name__, error=repr(error)[:500])
    group = getattr(event, "group", "")
    kept = DecidedEvent(event, group, Reason.QUARANTINED, None, None, changed=True)
    try:
        await store.transact(lambda tx: tx.events.add([kept], now))
    except StoreUnavailableError:
        raise
    except Exception:  # noqa: BLE001 - the log has it; the sender cannot mend it.
        _log.exception("event.not_kept", kind=type(event).__name__)
    return Applied(Reason.QUARANTINED, None)
