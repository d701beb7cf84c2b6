"""Compares what Alertmanager holds with what we hold, so that no lost message stays lost.

Alertmanager does not tell of a resolve while the alert is silenced or inhibited, and a webhook may
get lost between two restarts. Asking at leisure repairs both, and tells what is suppressed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.events import AlertEvent
from dexwatch.response.ingest import Ingest, fired, resolved, to_milliseconds
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.views import FiringAlert

_log = structlog.get_logger(__name__)

_ASK_SECONDS = 10.0
_BATCH = 200
_SOURCE = "alertmanager"


class HeldAlert(Protocol):
    """An alert as Alertmanager holds it."""

    @property
    def fingerprint(self) -> str:
        """Alertmanager's hash of the labels."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The alert's identity."""

    @property
    def annotations(self) -> Mapping[str, str]:
        """The alert's words."""

    @property
    def starts(self) -> datetime:
        """When it began to fire."""

    @property
    def ends(self) -> datetime:
        """When it ends unless it is renewed."""

    @property
    def receivers(self) -> tuple[str, ...]:
        """Names of the receivers that it is routed to."""

    @property
    def silenced_by(self) -> tuple[str, ...]:
        """Ids of silences."""

    @property
    def inhibited_by(self) -> tuple[str, ...]:
        """Fingerprints of worse alerts."""


class AlertView(Protocol):
    """Something that lists the alerts it holds, for example `clients.alertmanager`'s client."""

    async def alerts(self, *, receiver: str = "") -> Sequence[HeldAlert]:
        """List those that are routed to the receiver, the suppressed ones too; may raise."""


class Reconciler:
    """Feeds `Ingest` with what the two sides disagree about."""

    def __init__(
        self,
        store: Store,
        view: AlertView,
        ingest: Ingest,
        clock: Clock,
        *,
        receiver: str,
        every_seconds: float,
        missing_seconds: float,
    ) -> None:
        self._store = store
        self._view = view
        self._ingest = ingest
        self._clock = clock
        self._receiver = receiver
        self._every_seconds = every_seconds
        self._missing = timedelta(seconds=missing_seconds)
        self._missed_since: dict[tuple[str, datetime], datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Compare every so often until `stop` is set; a failed comparison is only logged."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(self._every_seconds):
                    await stop.wait()
            except TimeoutError:
                await self._try_once()

    async def once(self) -> int:
        """Compare now; return how many events were fed."""
        asked = self._clock()
        async with asyncio.timeout(_ASK_SECONDS):
            held = await self._view.alerts(receiver=self._receiver)
        ours = {a.fingerprint: a for a in await self._store.comparable(_SOURCE)}
        now = self._clock()
        current = {a.fingerprint: a for a in held if a.ends > now and _ours(a, self._receiver)}
        events: list[AlertEvent] = [
            _still(alert, asked)
            for fingerprint, alert in current.items()
            if not _agrees(ours.get(fingerprint), alert)
        ]
        events.extend(await self._gone(ours, current, now))
        for start in range(0, len(events), _BATCH):
            await self._ingest(events[start : start + _BATCH])
        return len(events)

    async def _try_once(self) -> None:
        try:
            await self.once()
        except StoreUnavailableError:
            _log.warning("reconcile.store_unavailable")
        except Exception as error:  # noqa: BLE001 - Alertmanager may be down; it has its own alert.
            _log.warning("reconcile.failed", error=type(error).__name__)

    async def _gone(
        self, ours: Mapping[str, FiringAlert], current: Mapping[str, HeldAlert], now: datetime
    ) -> list[AlertEvent]:
        """Resolve what has been missing for long; a restarted Alertmanager needs a while."""
        missing = {
            (a.fingerprint, a.starts_at) for a in ours.values() if a.fingerprint not in current
        }
        self._missed_since = {key: self._missed_since.get(key, now) for key in missing}
        over = {key for key, since in self._missed_since.items() if now - since >= self._missing}
        if not over:
            return []
        return [
            resolved(
                fingerprint=a.fingerprint,
                labels=a.labels,
                annotations=a.annotations,
                starts_at=a.starts_at,
                ends_at=now,
                upstream=a.group,
                source=a.source,
            )
            for a in await self._store.firing(_SOURCE)
            if (a.fingerprint, a.starts_at) in over
        ]


def _ours(alert: HeldAlert, receiver: str) -> bool:
    # The dead man's signal always fires and asks nobody for an answer.
    return receiver in alert.receivers and alert.labels.get("severity") != "none"


def _still(alert: HeldAlert, asked: datetime) -> AlertEvent:
    return fired(
        fingerprint=alert.fingerprint,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.starts,
        upstream=alert.labels.get("alertname", ""),
        suppressed_by=_suppressor(alert),
        seen_at=asked,
    )


def _suppressor(alert: HeldAlert) -> str | None:
    if alert.silenced_by:
        return f"silence {alert.silenced_by[0]}"
    if alert.inhibited_by:
        return f"alert {alert.inhibited_by[0]}"
    return None


def _agrees(ours: FiringAlert | None, theirs: HeldAlert) -> bool:
    # An alert whose incident somebody closed must be judged again until it is settled.
    return (
        ours is not None
        and ours.settled
        and ours.starts_at >= to_milliseconds(theirs.starts)
        and ours.suppressed_by == _suppressor(theirs)
    )
