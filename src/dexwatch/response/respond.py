"""The role that answers alerts; `roles.respond` puts it together with its store and receivers."""

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from dexwatch.backoff import Backoff, Failures
from dexwatch.clock import Clock, now
from dexwatch.incidents.policy import Policy
from dexwatch.jobs.job import IfPlanned, Job, JobResult
from dexwatch.jobs.queue import Crashpoints, Handler, no_crash
from dexwatch.jobs.worker import Worker
from dexwatch.metrics.sample import Sample
from dexwatch.response.config import RespondConfig
from dexwatch.response.ingest import ALERTMANAGER, Ingest
from dexwatch.response.liveness.dead_man import JOB as DEAD_MAN_JOB
from dexwatch.response.liveness.dead_man import DeadMan
from dexwatch.response.liveness.evaluator import Evaluator, RuleView
from dexwatch.response.liveness.outside import JOB as OUTSIDE_JOB
from dexwatch.response.liveness.outside import OutsidePing, OutsideService
from dexwatch.response.messaging.dispatch import Dispatcher
from dexwatch.response.messaging.job import NOTIFY, UPDATE
from dexwatch.response.messaging.queue import ResponseQueue
from dexwatch.response.notifier import ChartSource, Notifier
from dexwatch.response.reconcile import JOB as RECONCILE_JOB
from dexwatch.response.reconcile import AlertView, Reconciler
from dexwatch.response.retention import JOB as RETENTION_JOB
from dexwatch.response.retention import Retention
from dexwatch.response.self_metrics import SelfMetrics
from dexwatch.response.store import Store, StoreUnavailableError, Transaction

_log = structlog.get_logger(__name__)

_COUNT_SECONDS = 2.0
_OURSELVES = "respond"
"""The row of the signals in which each look at the store leaves a trace."""
_START = Backoff(first=0.5, most=10.0)
_PERIODIC = (RETENTION_JOB, DEAD_MAN_JOB, RECONCILE_JOB, OUTSIDE_JOB)


class Respond:
    """Everything of the role but its listening socket."""

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[str, Notifier],
        config: RespondConfig,
        *,
        policy: Policy,
        public_url: str = "",
        charts: ChartSource | None = None,
        view: AlertView | None = None,
        rules: RuleView | None = None,
        outside: OutsideService | None = None,
        clock: Clock = now,
        crash: Crashpoints = no_crash,
    ) -> None:
        self.metrics = SelfMetrics(notifiers)
        self._store, self._notifiers = store, notifiers
        dispatcher = Dispatcher(
            store,
            notifiers,
            clock,
            public_url=public_url,
            charts=charts,
            runbook_hosts=config.runbook_hosts,
        )
        settle = config.missing_seconds
        evaluator = Evaluator(rules, settle_seconds=settle, clock=clock) if rules else None
        # Nobody awaits a signal where there is no Alertmanager to send one.
        self._dead_man = DeadMan(
            store,
            clock,
            policy=policy,
            sources=(ALERTMANAGER,) if view and config.dead_man_seconds else (),
            timeout=config.heartbeat_timeout,
            evaluator=evaluator,
            wake=self._wake,
        )
        self.ingest = Ingest(
            store, clock, policy=policy, wake=self._wake, evaluator=evaluator, crash=crash
        )
        self._worker = Worker(
            ResponseQueue(store, clock, policy),
            {NOTIFY: dispatcher, UPDATE: dispatcher}
            | self._periodic(config, clock, view=view, evaluator=evaluator, outside=outside),
            owner=f"respond@{socket.gethostname()}:{os.getpid()}",
            slots={job.queue: 1 for job in _PERIODIC}
            | {name: notifier.parallel for name, notifier in notifiers.items()},
            on_settled=self._on_settled,
            crash=crash,
        )

    def _periodic(
        self,
        config: RespondConfig,
        clock: Clock,
        *,
        view: AlertView | None,
        evaluator: Evaluator | None,
        outside: OutsideService | None,
    ) -> dict[str, Handler]:
        retention = Retention(
            self._store,
            clock,
            keep_events=timedelta(days=config.keep_events_days),
            keep_incidents=timedelta(days=config.keep_incidents_days),
            stepped=self.metrics.clock_stepped,
        )
        reconciler = Reconciler(
            self._store,
            view,
            self.ingest,
            clock,
            receiver=config.receiver,
            every_seconds=config.reconcile_seconds,
            missing_seconds=config.missing_seconds,
            evaluator=evaluator,
            alive=self._dead_man.alive,
        )
        ping = OutsidePing(
            self._store,
            outside,
            source=ALERTMANAGER,
            timeout=config.heartbeat_timeout,
            count=self.metrics.pinged,
        )
        return {
            RETENTION_JOB.kind: retention,
            DEAD_MAN_JOB.kind: self._dead_man,
            RECONCILE_JOB.kind: reconciler,
            OUTSIDE_JOB.kind: ping,
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way is finished, the rest stays in the store."""
        try:
            await self.work(stop)
        finally:
            await self.finish()

    async def work(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; nothing new is begun then, what is under way goes on."""
        async with asyncio.TaskGroup() as tasks:
            for notifier in self._notifiers.values():
                tasks.create_task(_started(notifier))
            tasks.create_task(self._plan_periodic(stop))
            tasks.create_task(self._worker.claim_until(stop))
            tasks.create_task(self._count(stop))

    async def finish(self) -> None:
        """Wait for what is under way, and let the channels go."""
        await self._worker.finish()
        for notifier in self._notifiers.values():
            await notifier.close()

    async def heard(self, source: str, at: datetime) -> None:
        """Take in a dead man's signal; may raise `StoreUnavailableError`."""
        self.metrics.heard(source, at)
        await self._dead_man.heard(source, at)

    def samples(self) -> Iterable[Sample]:
        """Return the role's own metrics."""
        return self.metrics.samples()

    def _wake(self) -> None:
        self._worker.wake()

    async def _plan_periodic(self, stop: asyncio.Event) -> None:
        """See to it that the periodic jobs are there; they plan themselves from then on."""
        failures = Failures(_START, key="periodic")
        while not stop.is_set():
            try:
                await self._store.transact(lambda tx: tx.jobs.add(_PERIODIC))
            except Exception as error:  # noqa: BLE001 - an error of retention must not stop paging.
                _log.warning("respond.periodic_not_planned", error=type(error).__name__)
                await _stopped(stop, failures.failed())
            else:
                return

    def _on_settled(self, job: Job, result: JobResult, seconds: float) -> None:
        self.metrics.settled(job, result, seconds)
        _log.info(
            "job.settled",
            job=job.key,
            outcome=result.outcome.value,
            detail=result.detail,
            attempt=job.attempts,
            seconds=round(seconds, 3),
        )

    async def _count(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                # A database that can only be read is of no use, so a write is tried, too.
                await self._store.transact(_leave_trace)
                self.metrics.counted(await self._store.counts())
            except StoreUnavailableError:
                self.metrics.store_away()
                _log.warning("respond.store_unavailable", doing="count")
            except Exception:  # noqa: BLE001 - an error of metrics must not stop paging.
                _log.exception("respond.count_failed")
            await _stopped(stop, _COUNT_SECONDS)


async def _leave_trace(tx: Transaction) -> None:
    """Write that we are here, and plan the periodic jobs if the database was made anew under us."""
    await tx.signals.heard(_OURSELVES)
    await tx.jobs.add([replace(job, if_planned=IfPlanned.KEEP) for job in _PERIODIC])


async def _stopped(stop: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def _started(notifier: Notifier) -> None:
    """Let the notifier prepare; one that cannot is tried again by its first message."""
    try:
        await notifier.start()
    except Exception:  # noqa: BLE001 - a channel that cannot prepare must not stop the others.
        _log.exception("respond.notifier_not_prepared", notifier=type(notifier).__name__)
