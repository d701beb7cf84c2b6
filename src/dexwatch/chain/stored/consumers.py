"""Delivers the stored events to consumers, each at its own speed and with its own durable offset.

log = await ChainLog.open(path, chain_id=56)
await log.append([block])                     # by the follower: never waits for a consumer
await log.consumer("metrics").run(handle)     # by each consumer, until cancelled

An event is handed out again if the process ends before its offset is noted; its number is the same.
"""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from dexwatch.chain.stored.block_store import BlockStore, Entry
from dexwatch.evm.block import Block, BlockRef
from dexwatch.evm.sequence import ChainEvent, Skip

_P = ParamSpec("_P")
_T = TypeVar("_T")

_CACHED_EVENTS = 64
_CACHED_LOGS = 60_000
"""Newest events are kept in memory, so that only a consumer that is behind reads the disk."""
_READ_AT_ONCE = 16
_RESUME_BLOCKS = 1_000

_log = structlog.get_logger("dexwatch.blocks")


class ChainLog:
    """The block store and those who read it."""

    def __init__(self, store: BlockStore, open_in_memory: Callable[[], BlockStore]) -> None:
        self._store = store
        self._open_in_memory = open_in_memory
        # SQLite may wait for the disk; in one thread of its own nothing else waits with it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="block-store")
        self._cache: OrderedDict[int, Entry] = OrderedDict()
        self._cached_logs = 0
        self._grown = asyncio.Event()
        self._consumers: dict[str, Consumer] = {}
        self.durable = True
        """False once the disk failed: the watch goes on in memory, and a restart has a gap."""
        self.last = self._stored = store.last()

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        chain_id: int,
        max_blocks: int = 4_096,
        max_bytes: int = 512_000_000,
    ) -> "ChainLog":
        """Open the store of a file, or one in memory without a path or when the disk fails."""
        opened = partial(BlockStore, chain_id=chain_id, max_blocks=max_blocks, max_bytes=max_bytes)
        in_memory = partial(opened, None)
        try:
            return cls(opened(path), in_memory)
        except (sqlite3.Error, OSError) as error:
            _log.error(
                "the block store cannot be opened; blocks are kept in memory", error=str(error)
            )
            found = cls(in_memory(), in_memory)
            found.durable = False
            return found

    async def close(self) -> None:
        """Close the file when what was begun is done."""
        await self._call(self._store.close)
        self._thread.shutdown(wait=False)

    def recent(self) -> tuple[BlockRef, ...]:
        """Return the newest canonical blocks, oldest first: what a restart goes on from."""
        return self._store.recent(_RESUME_BLOCKS)

    def newest_ms(self) -> int:
        """Return the time of the newest of them in Unix milliseconds, 0 without one."""
        return self._store.newest_ms()

    def consumer(self, name: str) -> "Consumer":
        """Return the consumer of this name; a new one begins with what comes next."""
        if name not in self._consumers:
            offset = self._store.offset(name)
            self._consumers[name] = Consumer(self, name, self.last if offset is None else offset)
        return self._consumers[name]

    async def append(self, events: Sequence[ChainEvent]) -> None:
        """Add events, all or none; the consumers take them in their own time."""
        if not events:
            return
        for entry in await self._call(self._append, events):
            self._keep(entry)
            self.last = entry.seq
        self._wake()

    async def entries(self, after: int) -> list[Entry]:
        """Return the next events after a number, waiting for the first of them."""
        while True:
            grown = self._grown
            if after + 1 in self._cache:
                return [self._cache[after + 1]]
            if after < self.last and (found := await self._call(self._read, after)):
                return found
            await grown.wait()

    async def commit(self, consumer: str, seq: int) -> None:
        """Note a consumer's offset; a disk that fails is told and does not stop the consumer."""
        await self._call(self._commit, consumer, seq)

    # What follows runs in the store's thread, one after the other, so that the file is never left
    # for the memory while another reads or writes it.

    def _append(self, events: Sequence[ChainEvent]) -> list[Entry]:
        try:
            entries = self._store.append(events)
        except sqlite3.Error as error:
            self._go_on_in_memory("blocks cannot be stored", error)
            entries = self._store.append(events)
        self._stored = entries[-1].seq
        return entries

    def _read(self, after: int) -> list[Entry]:
        try:
            return self._store.read(after, _READ_AT_ONCE)
        except sqlite3.Error as error:
            self._go_on_in_memory("stored blocks cannot be read", error)
            return []

    def _commit(self, consumer: str, seq: int) -> None:
        try:
            self._store.commit(consumer, seq)
        except sqlite3.Error as error:
            self._go_on_in_memory(f"the offset of {consumer} cannot be stored", error)

    def _go_on_in_memory(self, what: str, error: sqlite3.Error) -> None:
        _log.error("blocks are kept in memory from now on", reason=what, error=str(error))
        if self.durable:
            self.durable = False
            self._store.close()
            self._store = self._open_in_memory()
            self._store.begin_at(self._stored)

    def _keep(self, entry: Entry) -> None:
        self._cache[entry.seq] = entry
        self._cached_logs += _logs(entry)
        while len(self._cache) > 1 and (
            len(self._cache) > _CACHED_EVENTS or self._cached_logs > _CACHED_LOGS
        ):
            self._cached_logs -= _logs(self._cache.popitem(last=False)[1])

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def _call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(function, *args, **kwargs))


class Consumer:
    """One reader: `offset` is durable, `tip` the canonical block that it takes or took last."""

    def __init__(self, log: ChainLog, name: str, offset: int) -> None:
        self.name = name
        self.offset = offset
        self.tip: BlockRef | None = None
        self._log = log

    @property
    def behind(self) -> int:
        """How many events wait for it."""
        return max(self._log.last - self.offset, 0)

    async def run(self, handle: Callable[[Entry], Awaitable[None]]) -> None:
        """Take every event in order until cancelled; an error of `handle` ends it."""
        while True:
            for entry in await self._log.entries(self.offset):
                if not isinstance(entry.event, Skip):
                    self.tip = entry.event.ref if isinstance(entry.event, Block) else None
                await handle(entry)
                self.offset = entry.seq
                await self._log.commit(self.name, entry.seq)


def _logs(entry: Entry) -> int:
    return entry.event.log_count if isinstance(entry.event, Block) else 0
