"""The watch role's engine: one block stream, all collectors, each isolated from the others.

watch = Watch(settings.chain, settings.dex, settings.database, folder=settings.folder)
async with watch.run():
    ...  # watch.samples() at any time, for exposition
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from dexwatch import clock
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.follower import Reorg
from dexwatch.chain.stream import BlockStream
from dexwatch.clients.config import DatabaseConfig
from dexwatch.clients.http import SourceError
from dexwatch.collectors.checkpoint import Checkpoint
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.collectors.config import WatchConfig
from dexwatch.collectors.registry import COLLECTORS
from dexwatch.evm.block import Block
from dexwatch.market.config import DexConfig
from dexwatch.market.state import Market
from dexwatch.metrics import chain, own
from dexwatch.metrics.sample import Sample
from dexwatch.metrics.series import Series

_COLLECT_SECONDS = 15.0
_LOG_EVERY_SECONDS = 60.0

_log = structlog.get_logger("dexwatch.watch")


@dataclass
class _Running:
    """A collector with what is known of its runs; `broken` names the kinds that failed last."""

    collector: Collector
    broken: set[str] = field(default_factory=set)
    logged: float = float("-inf")
    suppressed: int = 0
    dropped: int = 0


class Watch:
    """Watches one chain and one exchange; `samples` gives all figures at any moment."""

    def __init__(
        self,
        chain_config: ChainConfig,
        dex: DexConfig | None = None,
        database: DatabaseConfig | None = None,
        *,
        config: WatchConfig | None = None,
        folder: Path | None = None,
        clock: Callable[[], datetime] = clock.now,
    ) -> None:
        self._clock = clock
        self._limit = (config or WatchConfig()).max_series
        self._series = Series(self._limit)
        self._checkpoint = Checkpoint(folder)
        dex = dex or DexConfig()
        self._endpoints = tuple(
            Endpoint(node, self._series, timeout_seconds=chain_config.timeout_seconds)
            for node in chain_config.endpoints
        )
        self.stream = BlockStream(
            chain_config,
            self._endpoints,
            self._series,
            watched=_watched(dex),
            on_block=self._on_block,
            on_reorg=self._on_reorg,
            resume=self._checkpoint.read(chain_config.chain_id),
        )
        self.context = CollectorContext(
            chain_config, dex, database, self._endpoints, self.stream, Market(dex), clock
        )
        self._running = tuple(
            _Running(kind(self.context, Series(self._limit))) for kind in COLLECTORS
        )

    def samples(self) -> Iterator[Sample]:
        """Give every series of every collector, and of the watch itself."""
        for running in self._running:
            yield from running.collector.series.samples()
            self._account_dropped(running)
        yield from self._series.samples()

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Watch"]:
        """Watch while the context is open.

        An error of the watch itself, which would be a mistake of ours, ends the context with it.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.stream.run())]
                tasks.extend(group.create_task(self._repeat(running)) for running in self._running)
                try:
                    yield self
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            self._checkpoint.write(self.context.chain.chain_id, self.stream.recent, force=True)
            for running in self._running:
                await running.collector.close()
            for endpoint in self._endpoints:
                await endpoint.close()

    def _on_block(self, block: Block) -> None:
        for running in self._running:
            began = clock.monotonic()
            try:
                running.collector.on_block(block)
            except Exception as error:  # noqa: BLE001 - One collector must not stop the others.
                self._failed(running, "block", error)
            else:
                self._succeeded(running, "block", clock.monotonic() - began)
        arrived = self.stream.arrival(block.ref.hash)
        if arrived is not None:
            self._series.observe(chain.block_visible_seconds, clock.monotonic() - arrived)
        self._checkpoint.write(self.context.chain.chain_id, self.stream.recent)

    def _on_reorg(self, reorg: Reorg) -> None:
        for running in self._running:
            try:
                running.collector.on_reorg(reorg)
            except Exception as error:  # noqa: BLE001 - One collector must not stop the others.
                self._failed(running, "reorg", error)

    async def _repeat(self, running: _Running) -> None:
        every = running.collector.every_seconds
        if every is None:
            return
        due = clock.monotonic()
        while True:
            began = clock.monotonic()
            try:
                async with asyncio.timeout(_COLLECT_SECONDS):
                    await running.collector.collect()
            except Exception as error:  # noqa: BLE001 - One collector must not stop the others.
                self._failed(running, "collect", error)
            else:
                self._succeeded(running, "collect", clock.monotonic() - began)
            # A round that took too long is not made up for by rounds in quick succession.
            due = max(due + every, clock.monotonic() + every / 10)
            await asyncio.sleep(due - clock.monotonic())

    def _succeeded(self, running: _Running, kind: str, seconds: float) -> None:
        name = running.collector.name
        running.broken.discard(kind)
        if kind == "collect" or running.collector.every_seconds is None:
            self._series.set(own.collector_seconds, seconds, collector=name)
        if not running.broken:
            self._series.set(own.collector_success, 1.0, collector=name)
            now = self._clock().timestamp()
            self._series.set(own.collector_timestamp, now, collector=name)
        self._series.add(own.collector_failures, 0, collector=name)

    def _failed(self, running: _Running, kind: str, error: Exception) -> None:
        name = running.collector.name
        running.broken.add(kind)
        self._series.set(own.collector_success, 0.0, collector=name)
        self._series.add(own.collector_failures, collector=name)
        now = clock.monotonic()
        if now - running.logged < _LOG_EVERY_SECONDS:
            running.suppressed += 1
            return
        expected = isinstance(error, SourceError | TimeoutError)
        _log.warning(
            "collector failed",
            collector=name,
            during=kind,
            error=str(error) or type(error).__name__,
            more_since_last_log=running.suppressed,
            # A trace helps only where the failure is ours.
            exc_info=None if expected else error,
        )
        running.logged, running.suppressed = now, 0

    def _account_dropped(self, running: _Running) -> None:
        series, name = running.collector.series, running.collector.name
        new, running.dropped = series.dropped - running.dropped, series.dropped
        self._series.add(own.series_dropped, new, collector=name)


def _watched(dex: DexConfig) -> frozenset[str]:
    pools = {pool.address for pool in dex.pools}
    return frozenset(pools | {contract.address for contract in dex.contracts}) | dex.managers
