"""Awaits the dead man's signal of each source, and raises an alert of our own when it is missing.

The signal comes as long as rules are evaluated and alerts are told. Without it all other alerts
are missing, too, so this one needs neither Prometheus nor Alertmanager.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from dexwatch.clock import Clock, monotonic
from dexwatch.incidents.events import AlertEvent
from dexwatch.incidents.liveness.signal import HeartbeatTimeout, Signal, checked, started
from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import IfPlanned, Job, JobResult, NewJob
from dexwatch.metrics.severity import Severity
from dexwatch.response.apply import apply_in
from dexwatch.response.deciding.batch import Applied
from dexwatch.response.ingest import fired, resolved
from dexwatch.response.liveness.evaluator import Evaluator
from dexwatch.response.store import Store, StoreUnavailableError, Transaction

_log = structlog.get_logger(__name__)

DEAD_MAN = "dead_man"
QUEUE = "dead_man"
"""A queue of its own, one job at a time."""
SOURCE = "dexwatch"
"""The source of alerts that we raise ourselves."""
ALERT = "WatchdogMissing"

JOB = NewJob(
    kind=DEAD_MAN,
    queue=QUEUE,
    key=DEAD_MAN,
    priority=0,
    lease=10.0,
    # One that was quarantined begins anew with the next start.
    if_planned=IfPlanned.RENEW,
)


class DeadMan:
    """The handler of the job that checks the signals, and what counts them as they come."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        policy: Policy,
        sources: Sequence[str],
        timeout: HeartbeatTimeout,
        evaluator: Evaluator | None = None,
        wake: Callable[[], None] = lambda: None,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._sources = sources
        self._timeout = timeout
        self._evaluator = evaluator
        self._wake = wake
        self._steady = steady
        self._started: set[str] = set()
        self._heard: dict[str, float] = {}

    async def heard(self, source: str, at: datetime) -> None:
        """Take in a signal.

        Raises:
            StoreUnavailableError: it is not counted; the sender should try again.
        """
        _log.debug("dead_man.heard", source=source, at=at.isoformat())
        self._heard[source] = self._steady()
        await self._store.transact(lambda tx: tx.signals.heard(source))

    def alive(self, source: str) -> bool:
        """Has this process heard the source within a minute, or within its silence if shorter?"""
        at = self._heard.get(source)
        return at is not None and self._steady() - at < min(self._timeout.silence, 60.0)

    async def __call__(self, job: Job) -> JobResult:
        """Check every source once and come again; without any source, do nothing more."""
        if not self._sources:
            return JobResult.done()
        again = self._timeout.check_interval
        # Alertmanager sends the signal until it expires, for hours if the clock was put back.
        dead = self._evaluator is not None and not await self._evaluator.answers()
        dead = dead and self._evaluator is not None and self._evaluator.known
        for source in self._sources:
            try:
                await self._check(source, dead=dead)
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - the other checks must go on.
                _log.exception("dead_man.check_failed", source=source, job=job.key)
                return JobResult.retry(again, type(error).__name__, attempted=False)
        return JobResult.done(again_after=again)

    async def _check(self, source: str, *, dead: bool) -> None:
        async def act(tx: Transaction) -> tuple[Signal, list[Applied]]:
            before = await tx.signals.get(source)
            if source not in self._started:
                before = started(before, self._timeout)
            if dead:
                before = replace(before, checked_heartbeats=before.heartbeats)
            after = checked(before, tx.signals.now, self._timeout)
            await tx.signals.save(after)
            events = self._events(before, after)
            return after, await apply_in(tx, events, self._clock(), policy=self._policy)

        signal, applied = await self._store.transact(act)
        self._started.add(source)
        if any(one.notifications for one in applied):
            self._wake()
            _log.error("dead_man.missing", source=source, seen_at=str(signal.seen_at))

    def _events(self, before: Signal, after: Signal) -> list[AlertEvent]:
        if after.missing:
            # Sent at each check, so that it opens again if somebody resolves it too early.
            return [_missing(after, self._timeout)]
        return [_back(after)] if before.missing else []


def _missing(signal: Signal, timeout: HeartbeatTimeout) -> AlertEvent:
    never = "has never come" if signal.seen_at is None else f"last came at {_said(signal.seen_at)}"
    return fired(
        fingerprint=_fingerprint(signal),
        labels=_labels(signal),
        annotations={
            "title": "Monitoring is dead",
            "summary": f"No sign of life from Prometheus and {signal.source} for"
            f" {timeout.silence:g} seconds: no other alert can come.",
            "description": f"The dead man's signal {never}. It comes as long as Prometheus"
            " evaluates rules and Alertmanager tells alerts, and counts while Prometheus answers."
            " Until it is back, silence does not mean health, and alerts that fired before stay"
            " open.",
            "runbook_url": "/runbooks/Watchdog",
        },
        starts_at=_since(signal),
        upstream="",
        source=SOURCE,
    )


def _back(signal: Signal) -> AlertEvent:
    starts_at = _since(signal)
    return resolved(
        fingerprint=_fingerprint(signal),
        labels=_labels(signal),
        annotations={},
        starts_at=starts_at,
        ends_at=signal.checked_at or starts_at,
        upstream="",
        source=SOURCE,
    )


def _since(signal: Signal) -> datetime:
    if signal.missing_since is None:
        raise ValueError("a signal that was never missing has no alert")
    return signal.missing_since


def _fingerprint(signal: Signal) -> str:
    return f"{DEAD_MAN}/{signal.source}"


def _labels(signal: Signal) -> dict[str, str]:
    return {
        "alertname": ALERT,
        "severity": Severity.P0.value,
        "component": "monitoring",
        "team": "monitoring",
        "alert_group": "watchdog",
        "signal": signal.source,
    }


def _said(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
