"""What we believe of anvil, and the stream on its real blocks: pushes, forks, a new chain."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dexwatch.chain.answers import is_unsupported
from dexwatch.chain.calls import revert_reason
from dexwatch.chain.config import ChainConfig, EndpointConfig
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.chain.stream import BlockStream
from dexwatch.clients.http import SourceError
from dexwatch.evm.block import Block, parse_block, parse_header
from dexwatch.evm.sequence import ChainEvent, Reorg
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series
from tests.fakes import need
from tests.fakes.patience import until

HOME = Path(os.environ.get("DEXWATCH_HOME", Path(__file__).parents[2] / ".dexwatch"))


@asynccontextmanager
async def anvil(port: int, *options: str) -> AsyncIterator[Endpoint]:
    program = need.program("anvil", HOME / "bin")
    child = await asyncio.create_subprocess_exec(
        program,
        *("--port", str(port), "--silent", "--slots-in-an-epoch", "1", *options),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    endpoint = Endpoint(
        EndpointConfig(name="a", http=f"http://127.0.0.1:{port}", ws=f"ws://127.0.0.1:{port}"),
        Series(),
    )
    try:
        end = time.monotonic() + 20
        while True:
            try:
                await endpoint.call("eth_blockNumber")
                break
            except SourceError:
                assert time.monotonic() < end, "anvil did not start"
                await asyncio.sleep(0.05)
        yield endpoint
    finally:
        await endpoint.close()
        child.kill()
        await child.wait()


async def test_its_answers_have_the_form_that_we_assume() -> None:
    async with anvil(need.free_port()) as node:
        sender = (await node.call("eth_accounts"))[0]
        transaction = {"from": sender, "to": sender, "value": "0x1"}
        receipt = await _mined(node, await node.call("eth_sendTransaction", transaction))
        head = await node.call("eth_getBlockByHash", receipt["blockHash"], True)
        parse_header(head)
        # It tells no milliseconds, and its mixHash is random: they must not be read from there.
        assert "milliTimestamp" not in head
        receipts, peers, missing = await node.batch(
            [
                Request("eth_getBlockReceipts", (head["hash"],)),
                Request("net_peerCount"),
                Request("eth_getBlockByHash", ("0x" + "77" * 32, True)),
            ]
        )
        assert receipts[0]["blockHash"] == head["hash"]
        assert is_unsupported(peers)
        assert missing is None
        await node.call("anvil_mine", "0x5")
        final = await node.call("eth_getBlockByNumber", "finalized", False)
        assert int(final["number"], 16) == 4


async def _mined(node: Endpoint, transaction: str) -> dict[str, Any]:
    """Wait for the receipt: the transaction may be known before its block is made."""

    async def receipt() -> Any:
        return await node.call("eth_getTransactionReceipt", transaction)

    return await until(receipt, why="the transaction is in a block")


async def _until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.02)


class _Seen:
    def __init__(self) -> None:
        self.hashes: list[str] = []
        self.blocks: list[Block] = []
        self.causes: list[str] = []
        self.series = Series()

    async def append(self, events: Sequence[ChainEvent]) -> None:
        for event in events:
            if isinstance(event, Block):
                self.hashes.append(event.ref.hash)
                self.blocks.append(event)
            elif isinstance(event, Reorg):
                self.causes.append(event.cause)
                for ref in event.blocks:
                    assert self.hashes.pop() == ref.hash


@asynccontextmanager
async def _following(port: int, endpoint: Endpoint) -> AsyncIterator[_Seen]:
    seen = _Seen()
    config = ChainConfig(
        chain_id=31337,
        block_interval_ms=100,
        stall_seconds=1.0,
        endpoints=[{"name": "a", "http": f"http://127.0.0.1:{port}"}],
    )
    stream = BlockStream(
        config,
        [endpoint],
        seen.series,
        append=seen.append,
    )
    task = asyncio.create_task(stream.run())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _canonical(node: Endpoint, first: int) -> list[str]:
    last = int(await node.call("eth_blockNumber"), 16)
    numbers = range(first, last + 1)
    blocks = await node.batch([Request("eth_getBlockByNumber", (hex(n), False)) for n in numbers])
    return [block["hash"] for block in blocks]


async def test_the_stream_follows_its_blocks_and_reorganisations() -> None:
    port = need.free_port()
    async with anvil(port) as node, _following(port, node) as seen:
        await _until(
            lambda: seen.blocks and seen.series.value(chain.endpoint_subscribed, endpoint="a")
        )
        first = seen.blocks[0].ref.number
        for _ in range(20):
            await node.call("evm_mine")
        await node.call("anvil_mine", "0x14")
        wanted = await _canonical(node, first)
        await _until(lambda: seen.hashes == wanted)
        await node.call("anvil_reorg", 5, [])
        await node.call("evm_mine")
        wanted = await _canonical(node, first)
        await _until(lambda: seen.hashes == wanted)
        assert seen.causes.count("reorg") >= 1
        assert "reset" not in seen.causes


async def test_a_chain_that_begins_anew_is_recognised() -> None:
    port = need.free_port()
    async with anvil(port) as node, _following(port, node) as seen:
        await _until(lambda: seen.blocks)
        await node.call("anvil_mine", "0x32")
        await _until(lambda: seen.blocks[-1].ref.number == 50)
        seen_before = len(seen.blocks)
        # Another chain under the same address: what a restarted node looks like.
        await node.call("anvil_reset")
        # Its blocks are younger than those before. Fifty at once have run ahead of the clock.
        await node.call("evm_increaseTime", 60)
        await node.call("evm_mine")
        await _until(lambda: len(seen.blocks) > seen_before)
        await node.call("evm_mine")
        await _until(lambda: seen.blocks[-1].ref.number == 2)
        assert "reset" in seen.causes


async def test_a_reverted_call_is_seen_and_explained() -> None:
    port = need.free_port()
    async with anvil(port) as node:
        sender = (await node.call("eth_accounts"))[0]
        # A contract whose code reverts with nothing: returns 60006000fd as its own code.
        code = "0x6460006000fd600052600560" + "1bf3"
        deployed = await node.call(
            "eth_sendTransaction", {"from": sender, "data": code, "gas": "0x30d40"}
        )
        address = (await _mined(node, deployed))["contractAddress"].lower()
        call = {"from": sender, "to": address, "gas": "0x30d40"}
        receipt = await _mined(node, await node.call("eth_sendTransaction", call))
        head = await node.call("eth_getBlockByHash", receipt["blockHash"], True)
        receipts = await node.call("eth_getBlockReceipts", head["hash"])
        block = parse_block(head, receipts)
        (call,) = block.transactions
        assert not block.receipts[0].success
        reason = await revert_reason(node, call, block=block.ref.number)
        assert reason == "no reason given"


async def test_by_arrival_no_transaction_is_lost_to_a_dearer_one_behind_it() -> None:
    async with anvil(need.free_port(), "--no-mining", "--order", "fifo") as node:
        accounts = await node.call("eth_accounts")
        for nonce in range(8):
            for place, who in enumerate(accounts):
                fields = {"from": who, "to": who, "gas": "0x5208", "nonce": hex(nonce)}
                price = hex(10**9 * (1 + (nonce * 5 + place) % 7))
                await node.call("eth_sendTransaction", fields | {"gasPrice": price})
            if nonce % 3 == 2:
                await node.call("evm_mine")
        await node.call("evm_mine")
        count = [Request("eth_getTransactionCount", (who, "latest")) for who in accounts]
        assert await node.batch(count) == ["0x8"] * len(accounts)


@pytest.mark.parametrize("params", [["latest"], ["0xzz", True], [None, None]])
async def test_bad_requests_are_refused_and_not_fatal(params: list[Any]) -> None:
    async with anvil(need.free_port()) as node:
        with pytest.raises(SourceError):
            await node.call("eth_getBlockByNumber", *params)
        assert await node.call("eth_blockNumber") == "0x0"
