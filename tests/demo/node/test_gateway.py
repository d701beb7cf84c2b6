"""The nodes' gateways look like BNB Smart Chain and misbehave as told."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from dexwatch.demo.chain.handle import Node
from dexwatch.demo.chain.start import SampleChain
from dexwatch.demo.node.faults import Faults
from tests.fakes.chain_talk import ask
from tests.fakes.flood import flood
from tests.fakes.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def node(chain: SampleChain) -> Iterator[Node]:
    """A node whose faults are lifted afterwards."""
    chosen = chain.handle.nodes[1]
    yield chosen
    vars(chosen.faults).update(vars(Faults()))


async def height(node: Node, tag: str | None = None) -> int:
    if tag is None:
        return int((await ask(node.http, "eth_blockNumber"))["result"], 16)
    block = (await ask(node.http, "eth_getBlockByNumber", tag, False))["result"]
    return int(block["number"], 16)


async def last_pushed(socket: ClientConnection, silence: float = 1.5) -> int:
    """Read pushed heads until there is silence; return the last one's height."""
    number = 0
    with contextlib.suppress(TimeoutError):
        while True:
            head = json.loads(await asyncio.wait_for(socket.recv(), silence))
            number = int(head["params"]["result"]["number"], 16)
    return number


async def receipt_from(node: Node, sent: str, seconds: float = 10.0) -> None:
    """Wait until the node shows the receipt."""
    async with asyncio.timeout(seconds):
        while (await ask(node.http, "eth_getTransactionReceipt", sent))["result"] is None:
            await asyncio.sleep(0.1)


async def test_blocks_carry_the_marks_of_bsc(chain: SampleChain, node: Node) -> None:
    start = await height(node)
    await until(lambda: chain.heads.newest is not None and chain.heads.newest.number >= start + 4)
    blocks = [
        (await ask(node.http, "eth_getBlockByNumber", hex(n), False))["result"]
        for n in range(start + 1, start + 4)
    ]
    times = [int(block["milliTimestamp"], 16) for block in blocks]
    for block, milliseconds in zip(blocks, times, strict=True):
        assert milliseconds // 1000 == int(block["timestamp"], 16)
        assert int(block["mixHash"], 16) == milliseconds % 1000
        assert block["difficulty"] in {"0x1", "0x2"}
        assert block["baseFeePerGas"] == "0x0"
        assert block["miner"] != "0x" + "0" * 40
    gaps = [after - before for before, after in itertools.pairwise(times)]
    # How far apart they are told depends on how busy the machine is; they never go back.
    assert all(gap >= 0 for gap in gaps), gaps


async def test_two_nodes_tell_the_same_story(chain: SampleChain, node: Node) -> None:
    number = hex(await height(node) - 1)
    first, second = [
        await ask(n.http, "eth_getBlockByNumber", number, True) for n in chain.handle.nodes
    ]
    assert first == second


async def test_finality_is_two_or_three_blocks_behind(node: Node) -> None:
    head, final = await height(node), await height(node, "finalized")
    assert 1 <= head - final <= 4


async def test_a_batch_mixes_local_and_forwarded_answers(node: Node) -> None:
    methods = ["eth_chainId", "eth_getBalance", "net_peerCount", "evm_mine", "eth_gasPrice"]
    parameters = {"eth_getBalance": ["0x" + "1" * 40, "latest"]}
    body = [
        {"jsonrpc": "2.0", "id": i * 10, "method": m, "params": parameters.get(m, [])}
        for i, m in enumerate(methods)
    ]
    async with httpx.AsyncClient() as client:
        answers = (await client.post(node.http, json=body)).json()
    assert [answer["id"] for answer in answers] == [0, 10, 20, 30, 40]
    assert answers[0]["result"] == "0x38"
    assert answers[1]["result"] == "0x0"
    assert answers[3]["error"]["code"] == -32601
    assert 5 * 10**7 <= int(answers[4]["result"], 16) <= 10**9


async def test_a_stalled_node_answers_but_neither_moves_nor_pushes(
    chain: SampleChain, node: Node
) -> None:
    async with connect(node.ws) as socket:
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        await socket.send(json.dumps(subscribe))
        assert "result" in json.loads(await asyncio.wait_for(socket.recv(), 3))
        pushed = json.loads(await asyncio.wait_for(socket.recv(), 3))["params"]["result"]
        assert {"milliTimestamp", "hash", "parentHash", "number"} <= pushed.keys()
        node.faults.stalled = True
        frozen = await height(node)
        assert await last_pushed(socket) <= frozen
        assert await height(node) == frozen
        assert await height(node, "latest") == frozen
        later = (await ask(node.http, "eth_getBlockByNumber", hex(frozen + 1), False))["result"]
        assert later is None
        assert await height(chain.handle.nodes[0]) > frozen
        node.faults.stalled = False
        head = json.loads(await asyncio.wait_for(socket.recv(), 3))
        assert int(head["params"]["result"]["number"], 16) > frozen


async def test_a_lagging_node_falls_back_and_says_so(chain: SampleChain, node: Node) -> None:
    node.faults.lag_blocks = 3
    first = await height(node)
    await until(lambda: chain.heads.newest is not None and chain.heads.newest.number > first + 5)
    lag = await height(chain.handle.nodes[0]) - await height(node)
    assert 2 <= lag <= 4
    syncing = (await ask(node.http, "eth_syncing"))["result"]
    assert int(syncing["highestBlock"], 16) > int(syncing["currentBlock"], 16)


async def test_peers_and_gas_are_as_set(node: Node) -> None:
    node.faults.peers, node.faults.gas_price_gwei = 2, 5.0
    assert (await ask(node.http, "net_peerCount"))["result"] == "0x2"
    assert int((await ask(node.http, "eth_gasPrice"))["result"], 16) == 5 * 10**9


async def test_late_receipts_appear_later(chain: SampleChain, node: Node) -> None:
    node.faults.receipts_late_blocks = 6
    sent = await chain.traders.whale(10.0)
    await receipt_from(chain.handle.nodes[0], sent)
    assert (await ask(node.http, "eth_getTransactionReceipt", sent))["result"] is None
    await receipt_from(node, sent)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"7", b"[7]", b'{"id":1}', b"null", b'{"method":["eth_call"],"id":1}'),
        b'{"method":"eth_getBlockByHash","params":{"a":1},"id":1}',
        b'[{"method":"eth_getBlockByHash","params":7,"id":1},{"method":"eth_chainId","id":2}]',
    ],
)
async def test_nonsense_gets_a_json_rpc_error(node: Node, body: bytes) -> None:
    async with httpx.AsyncClient() as client:
        answer = (await client.post(node.http, content=body)).json()
    assert "error" in answer


async def test_a_flood_fills_the_blocks_and_nothing_is_lost_on_the_way(
    chain: SampleChain, node: Node
) -> None:
    with flood(chain.traders, 60):
        start = await height(node)
        await until(
            lambda: chain.heads.newest is not None and chain.heads.newest.number > start + 5
        )
    counts = []
    for number in range(start + 2, start + 6):
        receipts = (await ask(node.http, "eth_getBlockReceipts", hex(number)))["result"]
        counts.append(len(receipts))
        assert all(receipt["status"] == "0x1" for receipt in receipts)
    assert sum(counts) >= 3 * 60, counts


async def test_state_is_told_of_the_block_that_is_named(chain: SampleChain, node: Node) -> None:
    """By EIP-1898, as far as the node shows the chain."""
    head = (await ask(node.http, "eth_getBlockByNumber", "latest", False))["result"]
    shown, named = int(head["number"], 16), {"blockHash": head["hash"]}
    call = {"to": chain.handle.deployment.router}
    answer = await ask(node.http, "eth_call", {**call, "data": "0x5c975abb"}, named)
    assert int(answer["result"], 16) == 0
    assert (await ask(node.http, "eth_call", call, ["nonsense"]))["error"]
    node.faults.lag_blocks = 8
    await until(lambda: chain.heads.newest is not None and chain.heads.newest.number > shown + 4)
    newest = (await ask(chain.handle.nodes[0].http, "eth_getBlockByNumber", "latest", False))[
        "result"
    ]
    behind = await ask(node.http, "eth_call", call, {"blockHash": newest["hash"]})
    assert behind["error"]["message"] == "header for hash not found"
