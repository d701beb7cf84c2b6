"""Each consumer gets every event in order, whatever the others do and whenever it is killed."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dexwatch.chain.stored.block_store import BlockStore, Entry
from dexwatch.chain.stored.consumers import ChainLog
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import ChainEvent, Reorg, Skip
from tests.chain.stored.test_block_store import mined
from tests.fakes.patience import until

WRITER = """
import asyncio, sys
from pathlib import Path
from dexwatch.chain.stored.consumers import ChainLog
from tests.chain.stored.test_block_store import mined

async def main():
    log = ChainLog.open(Path(sys.argv[1]), chain_id=56)
    done = open(sys.argv[2], "a", buffering=1)

    async def handle(entry):
        done.write(f"{entry.seq} {entry.event.ref.hash}\\n")

    asyncio.create_task(log.consumer("slow").run(handle))
    blocks = mined(400)
    for block in blocks[log.last:]:
        await log.append([block])
    await asyncio.sleep(30)

asyncio.run(main())
"""


class Taken:
    """A consumer's handler that keeps what it got."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.entries: list[Entry] = []
        self.gate = gate

    async def __call__(self, entry: Entry) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.entries.append(entry)

    @property
    def numbers(self) -> list[int]:
        return [entry.seq for entry in self.entries]


async def test_a_slow_consumer_delays_nobody() -> None:
    log, gate = ChainLog.open(None, chain_id=56), asyncio.Event()
    slow, quick = Taken(gate), Taken()
    tasks = [
        asyncio.create_task(log.consumer("slow").run(slow)),
        asyncio.create_task(log.consumer("quick").run(quick)),
    ]
    for block in mined(200):
        await log.append([block])
    await until(lambda: len(quick.entries) == 200)
    assert not slow.entries
    assert log.consumer("slow").behind == 200
    gate.set()
    await until(lambda: len(slow.entries) == 200)
    assert slow.numbers == quick.numbers == list(range(1, 201))
    for task in tasks:
        task.cancel()
    await log.close()


async def test_a_consumer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async def life(part: list[Block]) -> list[ChainEvent]:
        log, taken = ChainLog.open(tmp_path / "s", chain_id=56), Taken()
        task = asyncio.create_task(log.consumer("a").run(taken))
        for block in part:
            await log.append([block])
        await until(lambda: log.consumer("a").behind == 0)
        task.cancel()
        await log.close()
        return [entry.event for entry in taken.entries]

    found = mined(20)
    lives = [await life(part) for part in (found[:7], found[7:8], found[8:])]
    assert lives == [found[:7], found[7:8], found[8:]]


async def test_the_tip_is_the_block_that_was_taken_and_not_one_that_fell() -> None:
    log, taken = ChainLog.open(None, chain_id=56), Taken()
    consumer = log.consumer("a")
    task = asyncio.create_task(consumer.run(taken))
    first, second = mined(2)
    await log.append([first, second])
    await until(lambda: consumer.tip == second.ref)
    await log.append([Reorg((second.ref,), "reorg")])
    await until(lambda: consumer.behind == 0)
    assert consumer.tip is None
    task.cancel()
    await log.close()


async def test_a_disk_that_fails_does_not_stop_the_consumers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, taken = ChainLog.open(tmp_path / "s", chain_id=56), Taken()
    task = asyncio.create_task(log.consumer("a").run(taken))
    found = mined(6)
    await log.append(found[:3])
    await until(lambda: len(taken.entries) == 3)
    real = BlockStore.append

    def full(self: BlockStore, events: list[Block]) -> list[Entry]:
        monkeypatch.setattr(BlockStore, "append", real)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(BlockStore, "append", full)
    for block in found[3:]:
        await log.append([block])
    await until(lambda: len(taken.entries) == 6)
    assert [entry.event for entry in taken.entries] == found
    assert taken.numbers == [1, 2, 3, 4, 5, 6]
    assert not log.durable
    task.cancel()
    await log.close()


async def test_a_disk_that_fails_for_one_offset_costs_no_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, taken = ChainLog.open(tmp_path / "s", chain_id=56), Taken()
    task = asyncio.create_task(log.consumer("a").run(taken))
    found = mined(6)
    begun, waiting, stored = threading.Event(), threading.Event(), threading.Event()
    commit, append = BlockStore.commit, BlockStore.append

    def full(self: BlockStore, consumer: str, seq: int) -> None:
        monkeypatch.setattr(BlockStore, "commit", commit)
        begun.set()
        # The next block waits for its turn already, as it may while the disk is slow.
        waiting.wait(10)
        raise sqlite3.OperationalError("database or disk is full")

    def storing(self: BlockStore, events: list[Block]) -> list[Entry]:
        try:
            return append(self, events)
        finally:
            stored.set()

    monkeypatch.setattr(BlockStore, "commit", full)
    await log.append(found[:1])
    await until(begun.is_set)
    monkeypatch.setattr(BlockStore, "append", storing)
    second = asyncio.create_task(log.append(found[1:2]))
    await asyncio.sleep(0)
    waiting.set()
    # Not awaited: the loop comes to neither result before both are there.
    assert stored.wait(10)
    await second
    for block in found[2:]:
        await log.append([block])
    await until(lambda: len(taken.entries) == 6)
    assert [entry.event for entry in taken.entries] == found
    assert taken.numbers == [1, 2, 3, 4, 5, 6]
    task.cancel()
    await log.close()


async def test_a_disk_that_cannot_be_read_costs_only_what_is_there_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, taken = ChainLog.open(tmp_path / "s", chain_id=56), Taken()
    consumer = log.consumer("a")
    found = mined(200)
    for block in found[:-1]:
        await log.append([block])

    def broken(self: BlockStore, after: int, limit: int) -> list[Entry]:
        monkeypatch.undo()
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(BlockStore, "read", broken)
    task = asyncio.create_task(consumer.run(taken))
    await until(lambda: not log.durable)
    await log.append(found[-1:])
    await until(lambda: taken.entries and taken.entries[-1].event == found[-1])
    gap = taken.entries[0].event
    assert isinstance(gap, Skip)
    assert gap.last == found[-2].ref.number
    task.cancel()
    await log.close()


def test_killed_at_any_moment_nothing_is_left_out_or_changed(tmp_path: Path) -> None:
    store, done = tmp_path / "s", tmp_path / "done"
    done.touch()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", WRITER, str(store), str(done)]

    def live(lines: int) -> None:
        with subprocess.Popen(command, env=environment) as process:
            try:
                asyncio.run(until(lambda: done.read_text().count("\n") > lines, seconds=60))
            finally:
                process.send_signal(signal.SIGKILL)

    for lines in (3, 60, 61, 150, 399):
        live(lines)
    taken = [line.split() for line in done.read_text().splitlines()]
    by_number = {int(seq): block_hash for seq, block_hash in taken}
    assert sorted(by_number) == list(range(1, 401))
    # What was handed out twice, because the end came before its offset was noted, is the same.
    assert len({(seq, block_hash) for seq, block_hash in taken}) == 400
    assert len(taken) <= 400 + 5
