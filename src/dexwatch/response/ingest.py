"""The way in for alerts: make facts of what a source says, and have them decided durably."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.events import AlertEvent, AlertFired, AlertResolved
from dexwatch.incidents.grouping import group_of
from dexwatch.metrics.severity import Severity
from dexwatch.response.store import Applied, Store
from dexwatch.response.work import Crashpoints, no_crash

_log = structlog.get_logger(__name__)

_FOREIGN = {
    "critical": Severity.P0,
    "page": Severity.P0,
    "high": Severity.P1,
    "error": Severity.P1,
    "warning": Severity.P2,
    "medium": Severity.P2,
    "info": Severity.P3,
    "low": Severity.P3,
}
_LONGEST_HOLD = timedelta(days=7)


class Ingest:
    """Applies alert facts; when the call returns they are durable and due work is under way."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        wake: Callable[[], None],
        crash: Crashpoints = no_crash,
    ) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._crash = crash

    async def __call__(self, facts: Sequence[AlertEvent]) -> list[Applied]:
        """Decide about the facts in one transaction.

        Raises:
            StoreUnavailableError: nothing was applied; the sender should try again.
        """
        self._crash("fact.received")
        applied = await self._store.apply(facts, self._clock())
        self._crash("fact.stored")
        self._wake()
        for fact, done in zip(facts, applied, strict=True):
            _log.info(
                "alert.applied",
                alert=fact.name,
                severity=fact.severity.value,
                reason=done.reason.value,
                incident=done.incident_id,
                pages=done.pages,
            )
        return applied


def severity_of(labels: Mapping[str, str]) -> Severity:
    """Return the severity label's meaning; foreign words are understood, unknown ones are P2."""
    said = labels.get("severity", "").strip()
    if said.upper() in Severity.__members__:
        return Severity(said.upper())
    return _FOREIGN.get(said.lower(), Severity.P2)


def fired(
    *,
    fingerprint: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    starts_at: datetime,
    upstream: str,
    suppressed_by: str | None = None,
    held_at: datetime | None = None,
) -> AlertFired:
    """Make the fact of a firing alert; the annotation `hold` (seconds) tells when it began."""
    return AlertFired(
        fingerprint=fingerprint,
        group=group_of(labels, upstream),
        name=labels.get("alertname", "unnamed"),
        severity=severity_of(labels),
        starts_at=_milliseconds(starts_at),
        began_at=starts_at - _hold(annotations),
        labels=labels,
        annotations=annotations,
        suppressed_by=suppressed_by,
        held_at=held_at,
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
) -> AlertResolved:
    """Make the fact of a resolved alert."""
    return AlertResolved(
        fingerprint=fingerprint,
        group=group_of(labels, upstream),
        name=labels.get("alertname", "unnamed"),
        severity=severity_of(labels),
        starts_at=_milliseconds(starts_at),
        ends_at=max(ends_at, starts_at),
        labels=labels,
        annotations=annotations,
        source=source,
    )


def _milliseconds(moment: datetime) -> datetime:
    # Alertmanager's API cuts what its webhook gives in full; an episode must have one name.
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _hold(annotations: Mapping[str, str]) -> timedelta:
    try:
        seconds = float(annotations.get("for_seconds", "0").removesuffix("s"))
    except ValueError:
        return timedelta(0)
    if not 0 <= seconds <= _LONGEST_HOLD.total_seconds():
        return timedelta(0)
    return timedelta(seconds=seconds)
