"""Compares what Alertmanager holds with what we hold, so that no lost message stays lost.

Alertmanager does not tell of a resolve while the alert is silenced or inhibited, and a webhook may
get lost between two restarts. Asking at leisure repairs both, and tells what is suppressed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import structlog

from dexwatch.clock import Clock
from dexwatch.incidents.events import AlertEvent
from dexwatch.incidents.liveness.absence import Absence, AlertEpisode, looked
from dexwatch.incidents.liveness.confirmation import why_unconfirmed
from dexwatch.jobs.job import IfPlanned, Job, JobResult, NewJob
from dexwatch.response.ingest import ALERTMANAGER, Ingest, fired, resolved, to_milliseconds
from dexwatch.response.liveness.evaluator import Evaluator
from dexwatch.response.store import Store, StoreUnavailableError, Transaction
from dexwatch.response.views import FiringAlert

_log = structlog.get_logger(__name__)

RECONCILE = "reconcile"
QUEUE = "reconcile"
"""One at a time among all replicas, and in nobody's way."""

JOB = NewJob(
    kind=RECONCILE,
    queue=QUEUE,
    key=RECONCILE,
    # Urgent ones are never given up.
    priority=1,
    lease=15.0,
    # Each start compares at once.
    if_planned=IfPlanned.RENEW,
)

_ASK_SECONDS = 10.0
_LONGEST_LOOK = 3
"""So many times the usual time between two looks is believed, should one take longer."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""An alert that says it began before is taken to have begun then."""
_BATCH = 200
_VOUCHED = 180.0
"""So many seconds the dead man's signal must go on to vouch for an end alone.

It outlives its Prometheus by two minutes: 40 s until Alertmanager lets it expire, 20 s between two,
and the minute for which it is believed.
"""


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
    """The handler of the job that feeds `Ingest` with what the two sides disagree about."""

    def __init__(
        self,
        store: Store,
        view: AlertView | None,
        ingest: Ingest,
        clock: Clock,
        *,
        receiver: str,
        every_seconds: float,
        missing_seconds: float,
        evaluator: Evaluator | None = None,
        alive: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Make a reconciler.

        Args:
            store: where incidents are.
            view: what Alertmanager holds; None where there is none, and nothing to compare.
            ingest: what the differences are fed to.
            clock: the wall clock.
            receiver: our receiver's name in Alertmanager.
            every_seconds: how often to compare.
            missing_seconds: so long an alert must be missing, while its source lives.
            evaluator: knows what is really over; None when nobody can be asked.
            alive: says of a source whether its dead man's signal has come of late; that counts
                where the evaluator has never answered.
        """
        self._evaluator = evaluator
        self._alive = alive
        self._store = store
        self._view = view
        self._ingest = ingest
        self._clock = clock
        self._receiver = receiver
        self._every_seconds = every_seconds
        self._missing = missing_seconds

    async def __call__(self, job: Job) -> JobResult:
        """Compare once, and again after so long; a failure is logged, and tried again then."""
        if self._view is None:
            return JobResult.done()
        try:
            await self.once(self._view)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - Alertmanager may be down; it has its own alert.
            kind = type(error).__name__
            _log.warning("reconcile.failed", error=kind, job=job.key)
            return JobResult.retry(self._every_seconds, kind, attempted=False)
        return JobResult.done(again_after=self._every_seconds)

    async def once(self, view: AlertView) -> int:
        """Compare now; return how many events were fed."""
        asked = self._clock()
        async with asyncio.timeout(_ASK_SECONDS):
            held = await view.alerts(receiver=self._receiver)
        ours = {a.fingerprint: a for a in await self._store.comparable(ALERTMANAGER)}
        now = self._clock()
        # It lists nothing that has ended by its own clock; ours may differ.
        current = {a.fingerprint: a for a in held if _ours(a, self._receiver)}
        events: list[AlertEvent] = []
        for fingerprint, alert in current.items():
            try:
                if not _agrees(ours.get(fingerprint), alert):
                    events.append(_still(alert, asked))
            except Exception as error:  # noqa: BLE001 - one odd alert must not hide the others.
                kind = type(error).__name__
                _log.warning("reconcile.alert_left_out", fingerprint=fingerprint, error=kind)
        events.extend(await self._gone(ours, current, now))
        for start in range(0, len(events), _BATCH):
            await self._ingest(events[start : start + _BATCH], confirmed=True)
        return len(events)

    def _vouched(self) -> bool:
        """May the dead man's signal speak for a Prometheus that does not answer?"""
        known = self._evaluator is not None and self._evaluator.known
        return not known and self._alive(ALERTMANAGER)

    async def _gone(
        self, ours: Mapping[str, FiringAlert], current: Mapping[str, HeldAlert], now: datetime
    ) -> list[AlertEvent]:
        """Resolve what has been missing for long; a restarted Alertmanager needs a while."""
        missing = {
            (a.fingerprint, a.starts_at) for a in ours.values() if a.fingerprint not in current
        }
        state = await self._evaluator.state() if self._evaluator and missing else None
        if state is not None and not state.answered and not self._vouched():
            # While the source is dead nothing is over: it has time to tell again once it is back.
            missing = set()
        absences = await self._absences(missing)
        asked = state if state is not None and state.answered else None
        wait = self._missing if asked is state else max(self._missing, _VOUCHED)
        over = {absence.episode for absence in absences if absence.seconds >= wait}
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
            for a in await self._store.firing(ALERTMANAGER)
            if (a.fingerprint, a.starts_at) in over
            and (asked is None or why_unconfirmed(a.labels, a.starts_at, asked) is None)
        ]

    async def _absences(self, missing: set[AlertEpisode]) -> list[Absence]:
        """Note what is missing now, and return for how long it has been."""
        longest = _LONGEST_LOOK * self._every_seconds

        async def act(tx: Transaction) -> list[Absence]:
            known = await tx.absences.get(ALERTMANAGER)
            found = looked(known, missing, tx.absences.now, longest_look=longest)
            if known or found:
                await tx.absences.replace(ALERTMANAGER, found)
            return found

        return await self._store.transact(act)


def _ours(alert: HeldAlert, receiver: str) -> bool:
    # The dead man's signal always fires and asks nobody for an answer.
    return receiver in alert.receivers and alert.labels.get("severity") != "none"


def _still(alert: HeldAlert, asked: datetime) -> AlertEvent:
    return fired(
        fingerprint=alert.fingerprint,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=max(alert.starts, _EARLIEST),
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
