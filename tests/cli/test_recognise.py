"""What `init` finds out by itself: the chain, the pace of blocks, names that tell things apart."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.cli.draft import Draft, Endpoint, Pool, Token, told_apart
from dexwatch.cli.probing import recognise
from tests.cli.test_draft import settings_of

INTERVALS = [(450, True), (3000, False), (12_000, False), (1000, True)]


class Chain:
    """Answers as a node does; its blocks come so often, or came so often before it was asked."""

    def __init__(self, interval_ms: int, *, head: int, milliseconds: bool = False) -> None:
        self.interval, self.head, self.milliseconds = interval_ms, head, milliseconds
        self.began: float | None = None

    async def call(self, method: str, *params: object) -> object:
        now = asyncio.get_running_loop().time()
        self.began = self.began or now
        head = self.head + int((now - self.began) * 1000 / self.interval)
        if method == "eth_blockNumber":
            return hex(head)
        assert method == "eth_getBlockByNumber"
        at = 1_764_000_000_000 + int(str(params[0]), 16) * self.interval
        more = {"milliTimestamp": hex(at)} if self.milliseconds else {}
        return {"timestamp": hex(at // 1000), **more}


@pytest.mark.parametrize(("interval", "milliseconds"), INTERVALS)
async def test_interval_is_measured_from_old_blocks(interval: int, milliseconds: bool) -> None:
    chain = Chain(interval, head=1_000, milliseconds=milliseconds)

    found = await recognise.block_interval_ms(chain, 1_000)

    assert found == pytest.approx(interval, rel=0.02)


async def test_interval_of_a_young_chain_is_measured_by_waiting() -> None:
    found = await recognise.block_interval_ms(Chain(200, head=3), 3)

    assert found == pytest.approx(200, rel=0.2)


async def test_chain_without_blocks_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognise, "WATCH_SECONDS", 0.3)

    assert await recognise.block_interval_ms(Chain(60_000, head=3), 3) is None


ADDRESSES = st.integers(1, 40).map(lambda number: f"0x{number:040x}")
NAMES = st.sampled_from(["USDT", "USDT 000000", "W" * 64, "W" * 70, "x"]) | st.text(max_size=70)


@given(names=st.dictionaries(ADDRESSES, NAMES, max_size=8))
def test_no_two_things_are_called_the_same(names: dict[str, str]) -> None:
    found = told_apart(names)

    assert found.keys() == names.keys()
    assert len(set(found.values())) == len(found)
    assert all(len(name) <= 64 for name in found.values())
    lonely = [a for a, n in names.items() if list(names.values()).count(n) == 1 and len(n) <= 64]
    assert all(found[address].startswith(names[address][:20]) for address in lonely)


def token(symbol: str, number: int) -> Token:
    return Token(symbol, f"0x{number:040x}", 18)


@pytest.mark.parametrize(
    "pools",
    [
        pytest.param(
            [("v3", "USDT", 1, "WBNB", 2, 5.0), ("v3", "USDT", 1, "WBNB", 2, 1.0)], id="fees"
        ),
        pytest.param(
            [("v2", "USDT", 1, "WBNB", 2, 25), ("v2", "USDT", 1, "WBNB", 2, 25)], id="twins"
        ),
        pytest.param(
            [("v2", "USDT", 1, "WBNB", 2, 25), ("v2", "USDT", 3, "WBNB", 2, 25)], id="symbols"
        ),
        pytest.param([("v3", "A" * 32, 1, "B" * 32, 2, 5.0)], id="long"),
        pytest.param([("v2", "USDT", 1, "USDT", 2, 25)], id="one symbol on both sides"),
    ],
)
def test_pools_that_look_alike_are_told_apart_and_accepted(tmp_path, pools) -> None:
    made = tuple(
        Pool(kind, f"0x{100 + index:040x}", token(a, number), token(b, other), fee)
        for index, (kind, a, number, b, other, fee) in enumerate(pools)
    )

    read = settings_of(
        tmp_path,
        Draft("ana", endpoints=(Endpoint("a", "http://127.0.0.1:1", ""),), pools=made),
    )

    assert len({pool.name for pool in read.dex.pools}) == len(pools)
