"""What `init` and `doctor` find out about a node: its chain, and how often it has a block."""

import asyncio

import pytest

from dexwatch.chain import probes

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

    found = await probes.block_interval_ms(chain, 1_000)

    assert found == pytest.approx(interval, rel=0.02)


async def test_interval_of_a_young_chain_is_measured_by_waiting() -> None:
    found = await probes.block_interval_ms(Chain(200, head=3), 3)

    assert found == pytest.approx(200, rel=0.2)


async def test_chain_without_blocks_has_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "WATCH_SECONDS", 0.3)

    assert await probes.block_interval_ms(Chain(60_000, head=3), 3) is None
