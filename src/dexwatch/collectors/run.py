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
from functools import partial
from pathlib import Path

import structlog

from dexwatch import clock
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.stored.block_store import Entry
from dexwatch.chain.stored.consumers import ChainLog
from dexwatch.chain.stream import BlockStream
from dexwatch.clients.config import DatabaseConfig
from dexwatch.clients.http import SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.collectors.config import WatchConfig
from dexwatch.collectors.registry import COLLECTORS
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import Reorg
from dexwatch.market.config import DexConfig
from dexwatch.market.state import Market
from dexwatch.metrics import chain, own
from dexwatch.metrics.sample import Sample
from dexwatch.metrics.series import Series

_COLLECT_SECONDS = 15.0
_LOG_EVERY_SECONDS = 60.0
_LARGE_LOGS = 1_500
"""A block with more logs than this is taken in a thread, so that the loop goes on."""

_log = structlog.get_logger("dexwatch.watch")


@dataclass
class _Running:
    """A collector with what is known of its runs; `broken` names the kinds that failed last."""

    collector: Collector
    broken: set[str] = field(default_factory=set)
    logged: float = float("-inf")
    suppressed: int = 0
    dropped: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Watch:
    """Watches one chain and one exchange; `samples` gives all metrics at any moment."""

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
        self._log = ChainLog.open(
            None if folder is None else folder / "chain.sqlite",
            chain_id=chain_config.chain_id,
            max_blocks=chain_config.stored_blocks,
            max_bytes=chain_config.stored_megabytes * 1_000_000,
        )
        self._consumer = self._log.consumer("metrics")
        dex = dex or DexConfig()
        self._endpoints = tuple(
            Endpoint(node, self._series, timeout_seconds=chain_config.timeout_seconds)
            for node in chain_config.endpoints
        )
        self.stream = BlockStream(
            chain_config,
            self._endpoints,
            self._series,
            append=self._log.append,
            resume=self._log.recent(),
            resume_ms=self._log.newest_ms(),
        )
        self.context = CollectorContext(
            chain=chain_config,
            dex=dex,
            database=database,
            stream=self.stream,
            consumer=self._consumer,
            market=Market(dex),
            clock=clock,
            folder=folder,
        )
        self._series.set(chain.blocks, 0, stage="evaluated")
        self._running = tuple(
            _Running(kind(self.context, Series(self._limit))) for kind in COLLECTORS
        )

    def samples(self) -> Iterator[Sample]:
        """Give every series of every collector, and of the watch itself."""
        for running in self._running:
            yield from running.collector.series.samples()
            self._account_dropped(running)
        self._series.set(chain.consumer_lag, self._consumer.behind, consumer=self._consumer.name)
        self._series.set(chain.block_store_durable, float(self._log.durable))
        yield from self._series.samples()

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Watch"]:
        """Watch while the context is open.

        An error of the watch itself, which would be a mistake of ours, ends the context with it.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.stream.run())]
                tasks.append(group.create_task(self._consumer.run(self._handle)))
                tasks.extend(group.create_task(self._repeat(running)) for running in self._running)
                try:
                    yield self
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            await self._log.close()
            for running in self._running:
                await running.collector.close()
            for endpoint in self._endpoints:
                await endpoint.close()

    async def _handle(self, entry: Entry) -> None:
        event = entry.event
        if isinstance(event, Reorg):
            self._on_reorg(event)
        elif isinstance(event, Block) and event.log_count <= _LARGE_LOGS:
            self._on_block(event)
        elif isinstance(event, Block):
            for running in self._running:
                async with running.busy:
                    await asyncio.to_thread(self._take_block, running, event)
            self._evaluated(event)

    def _on_block(self, block: Block) -> None:
        for running in self._running:
            self._take_block(running, block)
        self._evaluated(block)

    def _take_block(self, running: _Running, block: Block) -> None:
        self._take(running, "block", partial(running.collector.on_block, block))

    def _take(self, running: _Running, kind: str, take: Callable[[], None]) -> None:
        began = clock.monotonic()
        try:
            take()
        except Exception as error:  # noqa: BLE001 - One collector must not stop the others.
            self._failed(running, kind, error)
        else:
            self._succeeded(running, kind, clock.monotonic() - began)

    def _evaluated(self, block: Block) -> None:
        self._series.add(chain.blocks, stage="evaluated")
        arrived = self.stream.arrival(block.ref.hash)
        if arrived is not None:
            self._series.observe(chain.block_visible_seconds, clock.monotonic() - arrived)

    def _on_reorg(self, reorg: Reorg) -> None:
        for running in self._running:
            self._take(running, "reorg", partial(running.collector.on_reorg, reorg))

    async def _repeat(self, running: _Running) -> None:
        every = running.collector.every_seconds
        if every is None:
            return
        due = clock.monotonic()
        while True:
            began = clock.monotonic()
            try:
                async with running.busy, asyncio.timeout(_COLLECT_SECONDS):
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
