"""What was stored comes back as it was, in order, within bounds, also after a file was damaged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.chain.stored.block_store import BlockStore
from dexwatch.evm.block import Block, BlockRef, parse_block
from dexwatch.evm.sequence import ChainEvent, Reorg, Skip
from tests.fakes.chain import FakeChain

POOL = "0x" + "aa" * 20


def blocks(chain: FakeChain) -> list[Block]:
    return [parse_block(chain.blocks[one], chain.receipts[one]) for one in chain.canonical]


def mined(count: int, *, logs: int = 2) -> list[Block]:
    chain = FakeChain()
    log = {"address": POOL, "topics": ["0x" + "01" * 32], "data": "0x" + "00ff" * 32}
    for _ in range(count - 1):
        chain.mine(receipts=[{"to": POOL, "logs": [log] * logs}, {"status": "0x0"}])
    return blocks(chain)


def opened(path: Path | None, **bounds: int) -> BlockStore:
    return BlockStore(path, chain_id=56, **{"max_blocks": 10_000, "max_bytes": 10**9, **bounds})


@pytest.fixture
def store() -> Iterator[BlockStore]:
    found = opened(None)
    yield found
    found.close()


def test_events_come_back_as_they_were(store: BlockStore) -> None:
    first, second, third = mined(3)
    fall = Reorg((second.ref,), "reorg")
    events: list[ChainEvent] = [first, second, fall, third, Skip(7, 9)]
    store.append(events[:2])
    store.append(events[2:])
    assert [entry.event for entry in store.read(0, 10)] == events
    assert [entry.seq for entry in store.read(0, 10)] == [1, 2, 3, 4, 5]
    assert [entry.event for entry in store.read(3, 1)] == [third]


def test_a_restart_goes_on_from_the_canonical_blocks(tmp_path: Path) -> None:
    chain = FakeChain()
    chain.mine(5)
    old = blocks(chain)
    chain.fork(2, 3)
    new = blocks(chain)
    store = opened(tmp_path / "s")
    store.append(old)
    store.append([Reorg((old[5].ref, old[4].ref), "reorg"), *new[4:]])
    store.close()
    again = opened(tmp_path / "s")
    assert again.recent(100) == tuple(block.ref for block in new)
    assert again.recent(2) == tuple(block.ref for block in new[-2:])
    again.close()


def test_after_a_skip_a_restart_begins_behind_the_skipped_blocks(store: BlockStore) -> None:
    found = mined(6)
    store.append([*found[:2], Skip(found[2].ref.number, found[2].ref.number), *found[3:]])
    assert store.recent(10) == tuple(block.ref for block in found[3:])


def test_the_store_is_bounded_by_blocks(store: BlockStore) -> None:
    small = opened(None, max_blocks=50)
    for block in mined(300):
        small.append([block])
    kept = small.read(0, 1_000)
    assert 50 <= len(kept) < 120
    small.close()


def test_the_store_is_bounded_by_bytes(tmp_path: Path) -> None:
    path = tmp_path / "s"
    small = opened(path, max_bytes=100_000)
    for block in mined(600, logs=40):
        small.append([block])
    small.close()
    assert path.stat().st_size < 400_000


def test_a_smaller_bound_gives_the_disk_back(tmp_path: Path) -> None:
    path, chain = tmp_path / "s", mined(400, logs=40)
    large = opened(path)
    large.append(chain[:200])
    large.close()
    before = path.stat().st_size
    small = opened(path, max_blocks=10)
    for block in chain[200:]:
        small.append([block])
    small.close()
    assert path.stat().st_size < before / 2


def test_a_consumer_that_is_too_far_behind_gets_a_gap_event() -> None:
    small = opened(None, max_blocks=50)
    found = mined(300)
    for block in found:
        small.append([block])
    gap, *rest = small.read(10, 1_000)
    assert isinstance(gap.event, Skip)
    assert gap.seq == rest[0].seq - 1
    assert isinstance(rest[0].event, Block)
    assert gap.event.last == rest[0].event.ref.number - 1
    small.close()


def test_a_consumer_that_took_nothing_yet_gets_the_gap_event_as_well() -> None:
    small = opened(None, max_blocks=50)
    for block in mined(300):
        small.append([block])
    gap, *rest = small.read(0, 1_000)
    assert isinstance(gap.event, Skip)
    assert gap.event.last == rest[0].event.ref.number - 1
    small.close()


def test_the_time_of_the_newest_block_is_that_of_one_which_did_not_fall(store: BlockStore) -> None:
    assert store.newest_ms() == 0
    first, second = mined(2)
    store.append([first, second])
    assert store.newest_ms() == second.header.timestamp_ms
    store.append([Reorg((second.ref,), "reorg")])
    assert store.newest_ms() == first.header.timestamp_ms


def test_a_file_of_another_chain_is_laid_aside(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.append(mined(2))
    store.close()
    other = BlockStore(tmp_path / "s", chain_id=97, max_blocks=10, max_bytes=10**6)
    assert other.last() == 0
    other.close()
    assert (tmp_path / "s.unusable").exists()


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=5_000))
def test_any_file_in_its_place_is_laid_aside(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    path = tmp_path_factory.mktemp("s") / "s"
    path.write_bytes(text)
    store = opened(path)
    store.append(mined(2))
    assert store.last() == 2
    store.close()


def test_an_offset_is_kept(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    assert store.offset("metrics") is None
    store.commit("metrics", 3)
    store.commit("metrics", 5)
    store.close()
    again = opened(tmp_path / "s")
    assert again.offset("metrics") == 5
    again.close()


def test_a_ref_that_the_store_never_saw_drops_nothing(store: BlockStore) -> None:
    found = mined(3)
    strange = BlockRef(101, "0x" + "99" * 32, "0x" + "98" * 32)
    store.append([*found, Reorg((strange,), "reorg")])
    assert len(store.recent(10)) == 3
