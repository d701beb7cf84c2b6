"""The chain client on real nodes of more than one kind: what holds for one must hold for each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_account import Account

from dexwatch.chain.answers import is_unsupported
from dexwatch.chain.calls import revert_reason
from dexwatch.chain.config import ChainConfig
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.chain.fetch import BlockFetcher
from dexwatch.chain.logs.coverage import check_coverage
from dexwatch.chain.logs.reader import LogReader
from dexwatch.chain.probes.block_proof import prove_recent
from dexwatch.chain.stream import BlockStream
from dexwatch.clients.http import SourceError
from dexwatch.evm.block import Block
from dexwatch.evm.sequence import ChainEvent, Reorg
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series
from tests.fakes.real_nodes import KINDS, RealNode, mined, receipt_of, until

CHAIN_ID = 31337
TOPIC = "0x" + "01" * 32
LOGGING = "0x7f" + "01" * 32 + "60206000a1" + "00"
"""The code of a contract's creation that writes 32 bytes of data under `TOPIC`."""
LOGGED = {"data": LOGGING}
REVERTING = "0x6460006000fd6000526005601bf3"
"""Creates a contract whose code is `60006000fd`: it reverts and gives no reason."""
ACCESS = {"accessList": [{"address": "0x" + "aa" * 20, "storageKeys": ["0x" + "bb" * 32]}]}
PRICE = {"gasPrice": 10**10}
FEES = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
BLOB = {
    "maxFeePerBlobGas": 10**9,
    "blobVersionedHashes": ["0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014"],
}
INFINITY = b"\xc0" + bytes(47)
"""The point that is both the commitment to a blob of zeros, which `BLOB` names, and its proof."""
SETUP_SECONDS = 60.0
"""With its first blob a node reads what it proves blobs with, which takes it seconds."""


@pytest.fixture(scope="module", params=KINDS)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealNode]:
    """One node of each kind; tests make their own blocks on it."""
    node = RealNode(request.param, tmp_path_factory.mktemp(request.param))
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture
async def node(started: RealNode) -> AsyncIterator[Endpoint]:
    async with started.endpoint() as endpoint:
        yield endpoint


@dataclass
class Seen:
    hashes: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    series: Series = field(default_factory=Series)

    async def append(self, events: Sequence[ChainEvent]) -> None:
        for event in events:
            if isinstance(event, Block):
                self.hashes.append(event.ref.hash)
                self.blocks.append(event)
            elif isinstance(event, Reorg):
                self.causes.append(event.cause)
                for ref in event.blocks:
                    assert self.hashes.pop() == ref.hash

    @property
    def subscribed(self) -> bool:
        return self.series.value(chain.endpoint_subscribed, endpoint="a") == 1


@asynccontextmanager
async def following(node: RealNode, *, push: bool = True) -> AsyncIterator[Seen]:
    seen = Seen()
    config = ChainConfig(
        chain_id=CHAIN_ID,
        block_interval_ms=100,
        stall_seconds=1.0,
        endpoints=[{"name": "a", "http": "http://127.0.0.1"}],
    )
    async with node.endpoint(seen.series, push=push) as endpoint:
        stream = BlockStream(config, [endpoint], seen.series, append=seen.append)
        task = asyncio.create_task(stream.run())
        try:
            await until(lambda: seen.blocks and seen.subscribed is push, why="the first block")
            yield seen
            assert seen.series.value(chain.blocks, stage="lost") == 0
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def canonical(node: Endpoint, first: int) -> list[str]:
    last = int(await node.call("eth_blockNumber"), 16)
    numbers = range(first, last + 1)
    blocks = await node.batch([Request("eth_getBlockByNumber", (hex(n), False)) for n in numbers])
    return [block["hash"] for block in blocks]


def agrees(seen: Seen, wanted: list[str]) -> Callable[[], bool]:
    return lambda: seen.hashes == wanted


async def test_what_is_not_there_and_what_is_not_offered_are_told_apart(node: Endpoint) -> None:
    absent, foreign, height = await node.batch(
        [
            Request("eth_getBlockByHash", ("0x" + "77" * 32, True)),
            Request("web3_nothing"),
            Request("eth_blockNumber"),
        ]
    )
    assert absent is None
    assert is_unsupported(foreign)
    assert int(height, 16) >= 0


@pytest.mark.parametrize("params", [["latest"], ["0xzz", True], [None, None]])
async def test_bad_requests_are_refused_and_not_fatal(node: Endpoint, params: list[Any]) -> None:
    with pytest.raises(SourceError):
        await node.call("eth_getBlockByNumber", *params)
    assert int(await node.call("eth_blockNumber"), 16) >= 0


async def test_the_first_block_of_a_chain_is_taken(node: Endpoint) -> None:
    block = await BlockFetcher(node).by_number(0)
    assert block is not None
    assert not block.transactions


def with_blob(raw: bytes) -> bytes:
    """Return a signed transaction of type 3 as it is sent to a node: with its blob beside it."""
    return b"\x03" + rlp.encode([rlp.decode(raw[1:]), [bytes(4096 * 32)], [INFINITY], [INFINITY]])


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (0, PRICE | LOGGED),
        (1, PRICE | ACCESS | LOGGED),
        (2, FEES | ACCESS | LOGGED),
        (3, FEES | BLOB),
        (4, FEES),
    ],
)
async def test_a_block_with_each_type_of_transaction_is_proved(
    started: RealNode, node: Endpoint, kind: int, fields: dict[str, Any]
) -> None:
    if kind == 3 and started.kind == "anvil":
        pytest.skip("anvil's root is of the transaction with its blob beside it, against EIP-4844")
    account = Account.create()
    await mined(node, to=account.address, value=hex(10**18))
    signed = {"chainId": CHAIN_ID, "nonce": 0, "gas": 200_000, "value": 7, **fields}
    if kind >= 3:
        signed["to"] = account.address
    if kind == 4:
        code = {"chainId": CHAIN_ID, "address": "0x" + "cc" * 20, "nonce": 1}
        signed["authorizationList"] = [account.sign_authorization(code)]
    raw = bytes(account.sign_transaction(signed).raw_transaction)
    sent = "0x" + (with_blob(raw) if kind == 3 else raw).hex()
    async with started.endpoint(timeout_seconds=SETUP_SECONDS) as patient:
        receipt = await receipt_of(node, await patient.call("eth_sendRawTransaction", sent))
    assert receipt["type"] == hex(kind)
    block = await BlockFetcher(node).by_hash(receipt["blockHash"])
    assert block is not None
    assert block.receipts[0].success
    assert block.log_count == ("data" in fields)


async def test_doctor_can_tell_that_its_blocks_are_proved(node: Endpoint) -> None:
    number = int((await mined(node, data=LOGGING))["blockNumber"], 16)
    told = await prove_recent(node, number + 2)
    assert told == f"block {number} proved by its hash (transactions: 1, logs: 1)"


async def test_logs_of_a_range_are_read(node: Endpoint) -> None:
    receipts = [await mined(node, data=LOGGING) for _ in range(3)]
    first, last = (int(one["blockNumber"], 16) for one in (receipts[0], receipts[-1]))
    addresses = [one["contractAddress"] for one in receipts[1:]]
    page = await LogReader().read(node, address=addresses, topics=[TOPIC], first=first, last=last)
    assert page.last == last
    await check_coverage(node, first, last)
    assert [log.address for log in page.logs] == [one.lower() for one in addresses]


async def test_a_reverted_call_is_seen_and_explained(node: Endpoint) -> None:
    address = (await mined(node, data=REVERTING))["contractAddress"]
    sender = (await node.call("eth_accounts"))[0]
    call = {"from": sender, "to": address, "gas": "0x30d40"}
    try:
        sent = await node.call("eth_sendTransaction", call)
    except SourceError:
        # Hardhat tells the sender of the failure, although the transaction is in a block.
        head = await node.call("eth_getBlockByNumber", "latest", False)
        (sent,) = head["transactions"]
    block = await BlockFetcher(node).by_hash((await receipt_of(node, sent))["blockHash"])
    assert block is not None
    assert not block.receipts[0].success
    reason = await revert_reason(node, block.transactions[0], block=block.ref.number)
    assert reason == "no reason given"


@pytest.mark.parametrize("push", [True, False])
async def test_the_stream_follows_blocks_and_reorganisations(
    started: RealNode, node: Endpoint, push: bool
) -> None:
    async with following(started, push=push) as seen:
        first = seen.blocks[0].ref.number
        await mined(node, data=LOGGING)
        before = await node.call("evm_snapshot")
        for _ in range(5):
            await mined(node, data=LOGGING)
        await until(agrees(seen, await canonical(node, first)), why="all blocks")
        assert seen.blocks[-1].log_count == 1
        assert await node.call("evm_revert", before)
        # A later time makes other blocks of the same heights.
        await node.call("evm_increaseTime", 5)
        for _ in range(7):
            await node.call("evm_mine")
        await until(agrees(seen, await canonical(node, first)), why="the other branch")
        assert seen.causes == ["reorg"]


async def test_a_node_that_begins_anew_is_followed_on_its_new_chain(
    started: RealNode, tmp_path: Path
) -> None:
    restarted = RealNode(started.kind, tmp_path)
    try:
        restarted.start()
        async with following(restarted) as seen, restarted.endpoint() as node:
            for _ in range(5):
                await node.call("evm_mine")
            await until(agrees(seen, await canonical(node, 0)), why="the old chain")
            restarted.stop()
            await asyncio.to_thread(restarted.start)
            # Its blocks are younger than those before, which may have run ahead of the clock.
            await node.call("evm_increaseTime", 60)
            await node.call("evm_mine")
            await node.call("evm_mine")
            new = await canonical(node, 0)
            await until(agrees(seen, new), why="the new chain")
            await until(lambda: seen.subscribed, why="the subscription to the new node")
    finally:
        restarted.stop()
