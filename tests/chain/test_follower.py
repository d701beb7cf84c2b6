"""Whatever the chain does, what is evaluated is the canonical chain: none lost, none twice.

The chain forks at random, heads come late, twice or never, nodes fail, the watch restarts.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.chain.follower import BlockFollower
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import Block, BlockRef, parse_block
from dexwatch.evm.sequence import ChainEvent, Reorg, Skip
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain


@dataclass
class Reader:
    """Reads a fake chain directly, and fails as often as it is told."""

    chain: FakeChain
    failing: random.Random | None = None
    share: float = 0.0
    unreadable: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    name: str = "reader"

    async def by_hash(self, block_hash: str) -> Block | None:
        return self._read(self.chain.blocks.get(block_hash))

    async def by_number(self, number: int) -> Block | None:
        return None if number in self.missing else self._read(self.chain.at(number))

    def _read(self, record: dict[str, object] | None) -> Block | None:
        if self.failing is not None and self.failing.random() < self.share:
            raise SourceError(Outcome.TIMEOUT, "no answer")
        if record is None:
            return None
        block = parse_block(record, self.chain.receipts[str(record["hash"])])
        if block.ref.number in self.unreadable:
            raise SourceError(Outcome.MALFORMED, "number: null")
        return block


class Watcher:
    """Keeps what a follower handed on, as a list that reorganisations shorten."""

    def __init__(self, *, depth: int = 16, max_catch_up: int = 1_000) -> None:
        self.evaluated: list[BlockRef] = []
        self.times: dict[str, int] = {}
        self.reorgs: list[Reorg] = []
        self.skips: list[Skip] = []
        self.series = Series()
        self._options = {"depth": depth, "max_catch_up": max_catch_up}
        self.tip_ms = 0
        self.follower = self._new(())

    def restart(self) -> None:
        self.follower = self._new(self.follower.recent(64))

    def _new(self, resume: tuple[BlockRef, ...]) -> BlockFollower:
        return BlockFollower(
            self.series,
            append=self._append,
            resume=resume,
            resume_ms=self.tip_ms,
            **self._options,
        )

    async def _append(self, events: Sequence[ChainEvent]) -> None:
        for event in events:
            if isinstance(event, Block):
                self.evaluated.append(event.ref)
                self.tip_ms = event.header.timestamp_ms
                self.times[event.ref.hash] = self.times.get(event.ref.hash, 0) + 1
            elif isinstance(event, Reorg):
                self._fall(event)
            else:
                self.skips.append(event)

    def _fall(self, reorg: Reorg) -> None:
        self.reorgs.append(reorg)
        for ref in reorg.blocks:
            if self.evaluated:
                assert self.evaluated.pop() == ref
            self.times.pop(ref.hash, None)

    async def see(self, reader: Reader, number: int | None = None) -> None:
        height = reader.chain.height if number is None else number
        record = reader.chain.at(height)
        assert record is not None
        block = parse_block(record, reader.chain.receipts[record["hash"]])
        await self.follower.follow(reader, block.header)

    def count(self, stage: str) -> float | None:
        return self.series.value(chain.blocks, stage=stage)


def canonical_from(chain_: FakeChain, first: int) -> list[str]:
    return chain_.canonical[first - chain_.start :]


STEP = st.one_of(
    st.tuples(st.just("mine"), st.integers(1, 9), st.just(0)),
    st.tuples(st.just("fork"), st.integers(1, 8), st.integers(1, 10)),
    st.tuples(st.just("head"), st.just(0), st.just(0)),
    st.tuples(st.just("old head"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)


@settings(max_examples=100)
@given(st.lists(STEP, max_size=25), st.integers(0, 2**32))
def test_what_is_evaluated_is_the_canonical_chain(
    steps: list[tuple[str, int, int]], seed: int
) -> None:
    asyncio.run(_live(steps, random.Random(seed)))


async def _live(steps: list[tuple[str, int, int]], chance: random.Random) -> None:
    chain_, watcher = FakeChain(), Watcher(depth=64)
    reader = Reader(chain_, chance, 0.2)
    await watcher.see(Reader(chain_))
    first = watcher.evaluated[0].number
    chain_.mine(10)
    for kind, amount, length in steps:
        if kind == "mine":
            chain_.mine(amount)
        elif kind == "fork":
            chain_.fork(min(amount, len(chain_.canonical) - 1), length)
        elif kind == "restart":
            watcher.restart()
        else:
            behind = amount if kind == "old head" else 0
            number = max(chain_.height - behind, chain_.start)
            try:
                await watcher.see(reader, number)
            except SourceError:
                continue
    reader.share = 0.0
    # Heights that were announced and fell before they were read are made up for by and by.
    for _ in range(4):
        chain_.mine(5)
        await watcher.see(reader)
        await watcher.see(reader)
    hashes = [ref.hash for ref in watcher.evaluated]
    assert hashes == canonical_from(chain_, first)
    assert set(watcher.times.values()) == {1}
    assert watcher.series.value(chain.block_gaps_open) == 0
    assert watcher.count("produced") == watcher.count("seen")
    assert watcher.count("lost") == 0


async def test_gaps_are_filled_in_order() -> None:
    chain_, watcher = FakeChain(), Watcher()
    reader = Reader(chain_)
    await watcher.see(reader)
    chain_.mine(50)
    await watcher.see(reader)
    numbers = [ref.number for ref in watcher.evaluated]
    assert numbers == list(range(100, 151))
    assert watcher.count("produced") == 51


async def test_consumers_hear_of_a_reorganisation_before_the_new_blocks() -> None:
    chain_, watcher = FakeChain(), Watcher()
    reader = Reader(chain_)
    for _ in range(5):
        await watcher.see(reader)
        chain_.mine()
    await watcher.see(reader)
    dropped = [ref.hash for ref in watcher.evaluated[-3:]]
    chain_.fork(3, 4)
    await watcher.see(reader)
    (reorg,) = watcher.reorgs
    assert reorg.cause == "reorg"
    assert [ref.hash for ref in reorg.blocks] == dropped[::-1]


async def test_a_new_chain_is_recognised() -> None:
    old, watcher = FakeChain(start=5_000), Watcher()
    await watcher.see(Reader(old))
    old.mine(30)
    await watcher.see(Reader(old))
    new = FakeChain(start=1, first_second=1_900_000_000)
    new.mine(3)
    await watcher.see(Reader(new))
    assert [reorg.cause for reorg in watcher.reorgs] == ["reset"]
    new.mine(2)
    await watcher.see(Reader(new))
    assert [ref.number for ref in watcher.evaluated[-3:]] == [4, 5, 6]


async def test_a_fork_deeper_than_the_window_is_a_reset_and_not_the_end() -> None:
    chain_, watcher = FakeChain(), Watcher(depth=8)
    reader = Reader(chain_)
    await watcher.see(reader)
    chain_.mine(30)
    await watcher.see(reader)
    chain_.fork(20, 21)
    await watcher.see(reader)
    assert watcher.reorgs[-1].cause == "reset"
    chain_.mine(5)
    await watcher.see(reader)
    assert watcher.evaluated[-1].hash == chain_.canonical[-1]


async def test_a_node_that_lags_by_more_than_the_window_does_not_look_like_a_new_chain() -> None:
    chain_, watcher = FakeChain(), Watcher(depth=8)
    reader = Reader(chain_)
    await watcher.see(reader)
    chain_.mine(40)
    await watcher.see(reader)
    await watcher.see(reader, 110)
    assert not watcher.reorgs


async def test_an_outage_longer_than_the_bound_is_counted_as_lost() -> None:
    chain_, watcher = FakeChain(), Watcher(max_catch_up=10)
    reader = Reader(chain_)
    await watcher.see(reader)
    chain_.mine(100)
    await watcher.see(reader)
    assert (watcher.count("lost"), watcher.count("seen")) == (90, 11)
    assert watcher.skips == [Skip(101, 190)]
    assert watcher.count("produced") == 101
    assert watcher.series.value(chain.block_gaps_open) == 0


async def test_a_block_that_nobody_can_read_is_given_up_by_decision_and_counted() -> None:
    chain_, watcher = FakeChain(), Watcher()
    reader = Reader(chain_, unreadable={103})
    await watcher.see(reader)
    chain_.mine(6)
    with pytest.raises(SourceError):
        await watcher.see(reader)
    assert watcher.evaluated[-1].number == 102
    assert watcher.series.value(chain.block_gaps_open) == 4
    head = watcher.evaluated[-1]
    await watcher.follower.skip(reader, BlockRef(chain_.height, head.hash, head.parent))
    await watcher.see(reader)
    assert [ref.number for ref in watcher.evaluated] == [100, 101, 102, 104, 105, 106]
    assert watcher.count("lost") == 1
    assert watcher.count("produced") == 7


async def test_a_block_that_a_node_does_not_have_yet_holds_up_none_before_it() -> None:
    chain_, watcher = FakeChain(), Watcher()
    reader = Reader(chain_, missing={103})
    await watcher.see(reader)
    chain_.mine(10)
    with pytest.raises(SourceError, match="has no block 103"):
        await watcher.see(reader)
    assert watcher.evaluated[-1].number == 102


async def test_blocks_that_a_node_has_forgotten_are_given_up_at_once() -> None:
    old, chain_ = FakeChain(start=40), FakeChain(start=1_000)
    chain_.mine(20)
    watcher = Watcher(max_catch_up=5_000)
    await watcher.see(Reader(old))
    reader = Reader(chain_)
    with pytest.raises(SourceError, match="has no block 41"):
        await watcher.see(reader)
    head = chain_.head
    ref = BlockRef(chain_.height, head["hash"], head["parentHash"])
    await watcher.follower.skip(reader, ref)
    await watcher.see(reader)
    assert watcher.count("lost") == 1_000 - 41
    assert watcher.evaluated[-1].number == chain_.height


async def test_blocks_with_wrong_parents_do_not_enter_the_chain() -> None:
    chain_, watcher = FakeChain(), Watcher()
    reader = Reader(chain_)
    await watcher.see(reader)
    chain_.mine()
    chain_.head["parentHash"] = "0x" + "77" * 32
    with pytest.raises(SourceError, match="has no block 100"):
        await watcher.see(reader)
    assert len(watcher.evaluated) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_node_that_lags_by_more_than_is_remembered_is_no_reset(restarted: bool) -> None:
    chain_, watcher = FakeChain(), Watcher(depth=16)
    reader = Reader(chain_)
    for _ in range(60):
        await watcher.see(reader)
        chain_.mine()
    evaluated = list(watcher.evaluated)
    if restarted:
        watcher.restart()
    await watcher.see(reader, chain_.height - 30)
    assert watcher.evaluated == evaluated
    assert not watcher.reorgs
