"""View calls by signature, and the reasons of reverts in words."""

import pytest
from eth_abi.abi import encode

from dexwatch.chain.calls import ViewCall, read_reason, revert_reason, views
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm.block import BlockRef, Transaction
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, RpcRefusal, running

A = "0x" + "0a" * 20


def test_calldata_is_selector_and_arguments() -> None:
    assert ViewCall(A, "getReserves()(uint112,uint112,uint32)").data == "0x0902f1ac"
    assert ViewCall(A, "paused()(bool)").data == "0x5c975abb"
    call = ViewCall(A, "balanceOf(address)(uint256)", (A,))
    assert call.data == "0x70a08231" + "00" * 12 + "0a" * 20
    with pytest.raises(ValueError, match="do not fit"):
        _ = ViewCall(A, "balanceOf(address)(uint256)", (1,)).data


@pytest.mark.parametrize("answer", [None, 5, "0x", "0x00", "0xzz", {"a": 1}, "0x" + "ff" * 32])
def test_an_answer_that_does_not_fit_is_malformed(answer: object) -> None:
    with pytest.raises(SourceError) as raised:
        ViewCall(A, "paused()(bool)").read(answer)
    assert raised.value.outcome is Outcome.MALFORMED


async def test_one_bad_view_leaves_the_others_alone() -> None:
    good = "0x" + encode(["uint256"], [7]).hex()
    replies = iter([good, "0x", good])
    async with running(FakeNode(FakeChain())) as node:
        # The fake answers a batch from its end.
        node.answers["eth_call"] = lambda _params: next(replies)
        endpoint = Endpoint(EndpointConfig(name="a", http=node.http), Series())
        found = await views(endpoint, [ViewCall(A, "x()(uint256)")] * 3)
        await endpoint.close()
    assert found[0] == found[2] == (7,)
    assert isinstance(found[1], SourceError)


@pytest.mark.parametrize(
    ("data", "message", "reason"),
    [
        ("0x08c379a0" + encode(["string"], ["paused"]).hex(), "", "paused"),
        ("0x08c379a0" + encode(["string"], ["a\n" * 99]).hex(), "", "a?" * 30),
        ("0x08c379a0ffff", "", "unreadable reason"),
        ("0x4e487b71" + encode(["uint256"], [0x11]).hex(), "", "panic 0x11"),
        ("0x11223344", "", "custom error 0x11223344"),
        (None, "out of gas: limit", "out of gas"),
        ("0xzz", "execution reverted", "no reason given"),
        (None, "execution reverted: K", "K"),
        ("0x", "Execution reverted: revert: K", "K"),
        (None, "execution reverted: a\nb", "a?b"),
        (None, "execution reverted: " + "a" * 99, "a" * 60),
        (None, "execution reverted: 0x11223344", "custom error 0x11223344"),
        (None, "VM Exception while processing transaction: revert K", "K"),
        (None, "VM Exception ...: reverted with reason string 'K'", "K"),
        (None, "VM Exception ...: reverted with custom error 'Paused()'", "custom error 'Paused()"),
        (None, "VM Exception while processing transaction: revert", "no reason given"),
        (None, "execution reverted: ", "no reason given"),
        # What the contract answered goes before the words of the node.
        ("0x11223344", "execution reverted: K", "custom error 0x11223344"),
    ],
)
def test_reasons(data: str | None, message: str, reason: str) -> None:
    assert read_reason(data, message) == reason


async def pinned(node: FakeNode, ref: BlockRef) -> list[object]:
    endpoint = Endpoint(EndpointConfig(name="a", http=node.http), Series())
    try:
        return await views(endpoint, [ViewCall(A, "x()(uint256)")] * 2, block=ref)
    finally:
        await endpoint.close()


class Stateful:
    """A contract whose value is the height that it was asked at."""

    def __init__(self, chain: FakeChain, *, by_hash: bool) -> None:
        self.chain, self.by_hash = chain, by_hash

    def __call__(self, params: list[object]) -> str:
        block = params[1]
        if isinstance(block, dict):
            if not self.by_hash:
                raise RpcRefusal(-32602, "invalid argument 1: cannot unmarshal object")
            block = self.chain.blocks[block["blockHash"]]["number"]
        return "0x" + f"{int(str(block), 16):064x}"


@pytest.mark.parametrize("by_hash", [True, False])
async def test_a_view_is_read_at_the_blocks_hash(by_hash: bool) -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.chain.mine(5)
        record = node.chain.at(103)
        assert record is not None
        node.answers["eth_call"] = Stateful(node.chain, by_hash=by_hash)
        ref = BlockRef(103, record["hash"], record["parentHash"])
        assert await pinned(node, ref) == [(103,), (103,)]


async def test_a_view_of_a_block_that_was_reorganised_away_is_no_answer() -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.chain.mine(5)
        record = node.chain.at(103)
        assert record is not None
        node.answers["eth_call"] = Stateful(node.chain, by_hash=False)
        node.chain.fork(4, 6)
        found = await pinned(node, BlockRef(103, record["hash"], record["parentHash"]))
    assert all(isinstance(answer, SourceError) for answer in found)


async def test_a_node_without_the_state_gives_no_reason_of_a_revert() -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.lacks.add("eth_call")
        endpoint = Endpoint(EndpointConfig(name="a", http=node.http), Series())
        call = Transaction("0x", A, A, 0, 21_000, b"")
        with pytest.raises(SourceError):
            await revert_reason(endpoint, call, block=5)
        await endpoint.close()
