"""The way in for alerts: make events of what a source says, and have them decided durably.

Calls that come while a transaction is under way are decided together in the next one, so that a
storm of single alerts costs one commit for hundreds of them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.events import AlertEvent, AlertFired, AlertResolved
from dexwatch.incidents.grouping import group_of, key_of
from dexwatch.incidents.liveness.confirmation import why_unconfirmed
from dexwatch.incidents.policy import Policy
from dexwatch.incidents.state import Reason
from dexwatch.jobs.queue import Crashpoints, no_crash
from dexwatch.metrics.severity import Severity, severity_of
from dexwatch.response.apply import apply_events
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.liveness.evaluator import Evaluator
from dexwatch.response.store import Store

_log = structlog.get_logger(__name__)

CRASH_POINTS = ("events.received", "events.stored")

ALERTMANAGER = "alertmanager"
"""The source whose alerts our Prometheus evaluates."""

_LONGEST_HOLD = timedelta(days=7)
_BATCH = 500
_SILENT = frozenset({Reason.REPEATED, Reason.STALE, Reason.ALREADY_RESOLVED})


@dataclass
class _Waiting:
    events: Sequence[AlertEvent]
    applied: asyncio.Future[list[Applied]]


class Ingest:
    """Applies alert events; when the call returns they are durable and due jobs are under way."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        policy: Policy,
        wake: Callable[[], None],
        evaluator: Evaluator | None = None,
        crash: Crashpoints = no_crash,
    ) -> None:
        self._evaluator = evaluator
        self._store = store
        self._clock = clock
        self._policy = policy
        self._wake = wake
        self._crash = crash
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None

    async def __call__(
        self, events: Sequence[AlertEvent], *, confirmed: bool = False
    ) -> list[Applied]:
        """Decide about the events, in order.

        A resolve that Alertmanager sends needs confirmation, unless it is `confirmed` already: it
        is kept, and applied only if the evaluator of the alert says that the alert is over.

        Raises:
            StoreUnavailableError: nothing was applied; the sender should try again.
        """
        self._crash("events.received")
        if self._evaluator is not None and not confirmed:
            events = await mark_unconfirmed(events, self._evaluator)
        mine = _Waiting(events, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        applied = await mine.applied
        self._crash("events.stored")
        return applied

    async def _flush(self) -> None:
        """Take what waits, as much as one transaction should carry, until nothing is left."""
        while self._waiting:
            taken = [self._waiting.pop(0)]
            count = len(taken[0].events)
            while self._waiting and count + len(self._waiting[0].events) <= _BATCH:
                taken.append(self._waiting.pop(0))
                count += len(taken[-1].events)
            await self._apply(taken)

    async def _apply(self, taken: list[_Waiting]) -> None:
        events = [event for one in taken for event in one.events]
        try:
            applied = await apply_events(self._store, events, self._clock(), policy=self._policy)
        except Exception as error:  # noqa: BLE001 - each sender is told.
            for one in taken:
                if not one.applied.done():
                    one.applied.set_exception(error)
            return
        self._wake()
        _tell(events, applied)
        start = 0
        for one in taken:
            if not one.applied.done():
                one.applied.set_result(applied[start : start + len(one.events)])
            start += len(one.events)


async def mark_unconfirmed(events: Sequence[AlertEvent], evaluator: Evaluator) -> list[AlertEvent]:
    """Return the events; a resolve that is not confirmed yet is marked with the reason."""
    told = [e for e in events if isinstance(e, AlertResolved) and e.source == ALERTMANAGER]
    if not told:
        return list(events)
    state = await evaluator.state()
    reasons = {id(e): why_unconfirmed(e.labels, e.starts_at, state) for e in told}
    return [
        replace(e, unconfirmed=reasons[id(e)])
        if isinstance(e, AlertResolved) and id(e) in reasons
        else e
        for e in events
    ]


def _severity(labels: Mapping[str, str]) -> Severity:
    # Who routes such an alert to us wants somebody to look.
    return severity_of(labels) or Severity.P3


def fired(
    *,
    fingerprint: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    starts_at: datetime,
    upstream: str,
    suppressed_by: str | None = None,
    seen_at: datetime | None = None,
    source: str = "alertmanager",
    raw: Mapping[str, object] | None = None,
) -> AlertFired:
    """Make the event of a firing alert; the annotation `for_seconds` tells when it began."""
    return AlertFired(
        fingerprint=key_of(fingerprint),
        group=group_of(labels, upstream),
        name=labels.get("alertname", "unnamed"),
        severity=_severity(labels),
        starts_at=to_milliseconds(starts_at),
        began_at=starts_at - _hold(annotations),
        labels=labels,
        annotations=annotations,
        suppressed_by=suppressed_by,
        seen_at=seen_at,
        source=source,
        raw=raw,
    )


def resolved(
    *,
    fingerprint: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    starts_at: datetime,
    ends_at: datetime,
    upstream: str,
    source: str = "alertmanager",
    raw: Mapping[str, object] | None = None,
) -> AlertResolved:
    """Make the event of a resolved alert."""
    return AlertResolved(
        fingerprint=key_of(fingerprint),
        group=group_of(labels, upstream),
        name=labels.get("alertname", "unnamed"),
        severity=_severity(labels),
        starts_at=to_milliseconds(starts_at),
        ends_at=max(ends_at, starts_at),
        labels=labels,
        annotations=annotations,
        source=source,
        raw=raw,
    )


def _tell(events: Sequence[AlertEvent], applied: Sequence[Applied]) -> None:
    for event, done in zip(events, applied, strict=True):
        if done.reason in _SILENT:
            continue
        _log.info(
            "alert.applied",
            alert=event.name,
            severity=event.severity.value,
            reason=done.reason.value,
            incident=done.incident_id,
            notifications=done.notifications,
        )


def to_milliseconds(moment: datetime) -> datetime:
    """Cut a moment: Alertmanager's API cuts what its webhook gives in full."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _hold(annotations: Mapping[str, str]) -> timedelta:
    try:
        seconds = float(annotations.get("for_seconds", "0").removesuffix("s"))
    except ValueError:
        return timedelta(0)
    if not 0 <= seconds <= _LONGEST_HOLD.total_seconds():
        return timedelta(0)
    return timedelta(seconds=seconds)
