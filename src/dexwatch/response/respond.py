"""The role that answers alerts; `app.respond` puts it together with its store and its door."""

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta

import structlog

from dexwatch.clock import Clock, now
from dexwatch.metrics.sample import Sample
from dexwatch.response.config import RespondConfig
from dexwatch.response.dispatch import Deliver
from dexwatch.response.ingest import Ingest
from dexwatch.response.notifier import ChartSource, Notifier
from dexwatch.response.reconcile import AlertView, Reconciler
from dexwatch.response.retention import Housekeeper
from dexwatch.response.self_metrics import Figures
from dexwatch.response.store import Store, StoreUnavailableError
from dexwatch.response.work import Crashpoints, Settled, Work, no_crash
from dexwatch.response.worker import Sweeper

_log = structlog.get_logger(__name__)

_COUNT_SECONDS = 2.0


class Respond:
    """Everything of the role but its listening socket."""

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[str, Notifier],
        config: RespondConfig,
        *,
        public_url: str = "",
        charts: ChartSource | None = None,
        view: AlertView | None = None,
        clock: Clock = now,
        crash: Crashpoints = no_crash,
    ) -> None:
        self.figures = Figures(notifiers)
        self._store = store
        self._notifiers = notifiers
        self._clock = clock
        self._sweeper = Sweeper(
            store,
            Deliver(store, notifiers, clock, public_url=public_url, charts=charts),
            clock,
            owner=f"respond@{socket.gethostname()}:{os.getpid()}",
            parallel={name: notifier.parallel for name, notifier in notifiers.items()},
            on_settled=self._on_settled,
            crash=crash,
        )
        self.ingest = Ingest(store, clock, wake=self._sweeper.wake, crash=crash)
        self._housekeeper = Housekeeper(
            store,
            clock,
            keep_signals=timedelta(days=config.keep_events_days),
            keep_incidents=timedelta(days=config.keep_incidents_days),
        )
        self._reconciler = view and Reconciler(
            store,
            view,
            self.ingest,
            clock,
            receiver=config.receiver,
            every_seconds=config.reconcile_seconds,
            missing_seconds=config.missing_seconds,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way is finished, the rest stays in the store."""
        async with asyncio.TaskGroup() as tasks:
            for notifier in self._notifiers.values():
                tasks.create_task(_started(notifier))
            tasks.create_task(self._sweeper.run(stop))
            tasks.create_task(self._count(stop))
            tasks.create_task(self._housekeeper.run(stop))
            if self._reconciler:
                tasks.create_task(self._reconciler.run(stop))
        for notifier in self._notifiers.values():
            await notifier.close()

    def samples(self) -> Iterable[Sample]:
        """Return the role's own figures."""
        return self.figures.samples()

    def _on_settled(self, work: Work, settled: Settled) -> None:
        at = self._clock()
        self.figures.settled(work, settled, at)
        _log.info(
            "work.settled",
            work=work.id,
            result=settled.result.value,
            detail=settled.detail,
            attempt=work.attempts,
            seconds=round((at - work.created_at).total_seconds(), 3),
        )

    async def _count(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                self.figures.counted(await self._store.counts(self._clock()))
            except StoreUnavailableError:
                _log.warning("agenda.store_unavailable", doing="count")
            except Exception:  # noqa: BLE001 - figures are no reason to stop paging.
                _log.exception("agenda.count_failed")
            try:
                async with asyncio.timeout(_COUNT_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue


async def _started(notifier: Notifier) -> None:
    """Let the notifier prepare; one that cannot is tried again by its first message."""
    try:
        await notifier.start()
    except Exception:  # noqa: BLE001 - a channel that cannot prepare must not stop the others.
        _log.exception("agenda.notifier_not_prepared", notifier=type(notifier).__name__)
