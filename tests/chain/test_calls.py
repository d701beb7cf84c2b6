"""View calls by signature, and the reasons of reverts in words."""

import pytest
from eth_abi.abi import encode

from dexwatch.chain.calls import ViewCall, read_reason, views
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.metrics.series import Series
from tests.fakes.node import FakeChain, FakeNode, running

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
    ],
)
def test_reasons(data: str | None, message: str, reason: str) -> None:
    assert read_reason(data, message) == reason
