"""The role that answers alerts.

How to build it, for the composition root:

    policy = config.respond.policy(notifiers.routes(config.notify))
    store = await storage.open_store(url, policy)  # sqlite+aiosqlite:///F or postgresql+psycopg://
    channels = notifiers.build(config.notify)      # {"email": …, "slack": …, "webhook": …}
    role = Respond(
        store, channels, config.respond,
        public_url=config.console.public_url,
        graphs=notifiers.PrometheusGraphs(prometheus_client),  # or None
        view=alertmanager_client,                              # or None
    )
    door = build_door(                                       # console.hooks
        role.ingest,
        token=config.respond.hook_token,
        metrics=lambda: exposition.expose(role.samples()),
        count=role.figures.hook,
    )
    # serve `door` with uvicorn on 127.0.0.1:config.respond.port, and beside it:
    await role.run(stop)                                     # until the event `stop` is set
    await store.close()

The console opens its own store on the same database and uses `agenda.incidents`; what it writes
is seen here within the sweeper's half second.
"""

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta

import structlog

from dexwatch.agenda.channel import GraphSource, Notifier
from dexwatch.agenda.config import RespondConfig
from dexwatch.agenda.deliver import Deliver
from dexwatch.agenda.figures import Figures
from dexwatch.agenda.housekeeping import Housekeeper
from dexwatch.agenda.ingest import Ingest
from dexwatch.agenda.reconcile import AlertView, Reconciler
from dexwatch.agenda.store import Store, StoreUnavailableError
from dexwatch.agenda.sweeper import Sweeper
from dexwatch.agenda.work import Crashpoints, Settled, Work, no_crash
from dexwatch.clock import Clock, now
from dexwatch.signals.sample import Sample

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
        graphs: GraphSource | None = None,
        view: AlertView | None = None,
        clock: Clock = now,
        crash: Crashpoints = no_crash,
    ) -> None:
        self.figures = Figures()
        self._store = store
        self._notifiers = notifiers
        self._clock = clock
        self._sweeper = Sweeper(
            store,
            Deliver(store, notifiers, clock, public_url=public_url, graphs=graphs),
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
            keep_signals=timedelta(days=config.keep_signals_days),
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
                tasks.create_task(notifier.start())
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
            try:
                async with asyncio.timeout(_COUNT_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue
