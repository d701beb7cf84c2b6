"""Every way in which an endpoint can fail has its outcome, is counted, and is no crash."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint, Request, is_unsupported
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series
from tests.fakes import need
from tests.fakes.node import FakeChain, FakeNode, running


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


def endpoint(node: FakeNode, series: Series | None = None, **options: Any) -> Endpoint:
    config = EndpointConfig(name="node-a", http=node.http, ws=node.ws)
    options = {"timeout_seconds": 0.5, "limit_bytes": 1_000_000, **options}
    return Endpoint(config, series or Series(), **options)


async def test_a_batch_may_be_answered_in_any_order(node: FakeNode) -> None:
    answers = await endpoint(node).batch(
        [Request("eth_blockNumber"), Request("web3_nothing"), Request("net_peerCount")]
    )
    assert answers[0] == "0x64"
    assert is_unsupported(answers[1])
    assert answers[2] == "0x19"


async def test_large_batches_are_split(node: FakeNode) -> None:
    answers = await endpoint(node).batch([Request("eth_blockNumber")] * 120)
    assert answers == ["0x64"] * 120


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"raw": b"null"}, Outcome.MALFORMED),
        ({"raw": b"[]"}, Outcome.MALFORMED),
        ({"raw": b'{"jsonrpc":"2.0","id":1,"result":"0x1"'}, Outcome.MALFORMED),
        ({"raw": b'{"jsonrpc":"2.0","id":1}'}, Outcome.MALFORMED),
        ({"raw": b'{"jsonrpc":"2.0","id":1,"error":"busy"}'}, Outcome.MALFORMED),
        ({"raw": b'{"id":1,"error":{"code":-32005,"message":"limit"}}'}, Outcome.RPC_ERROR),
        ({"raw": b"<html>" * 2_000_000}, Outcome.MALFORMED),
        ({"raw": b"\xff\xfe"}, Outcome.MALFORMED),
        ({"id_shift": 1}, Outcome.MALFORMED),
        ({"cut": 5}, Outcome.MALFORMED),
        ({"status": 429}, Outcome.HTTP_ERROR),
        ({"status": 503}, Outcome.HTTP_ERROR),
        ({"silent": True}, Outcome.TIMEOUT),
    ],
)
async def test_a_fault_has_its_outcome_and_is_counted(
    node: FakeNode, fault: dict[str, Any], outcome: Outcome
) -> None:
    for name, value in fault.items():
        setattr(node, name, value)
    series = Series()
    with pytest.raises(SourceError) as raised:
        await endpoint(node, series).call("eth_blockNumber")
    assert raised.value.outcome is outcome
    labels = {"endpoint": "node-a", "method": "eth_blockNumber", "outcome": outcome.value}
    assert series.value(chain.endpoint_requests, **labels) == 1


async def test_a_batch_refused_as_a_whole_is_an_error_for_each(node: FakeNode) -> None:
    node.raw = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too many"}}'
    answers = await endpoint(node).batch([Request("a"), Request("b")])
    assert [answer.outcome for answer in answers] == [Outcome.RPC_ERROR] * 2


async def test_a_batch_with_missing_and_strange_parts(node: FakeNode) -> None:
    node.raw = b'[null,3,{"id":true,"result":1},{"id":"1","result":1},{"id":2,"result":7}]'
    answers = await endpoint(node).batch([Request("a"), Request("b")])
    assert answers[0].outcome is Outcome.MALFORMED
    assert answers[1] == 7


async def test_a_dead_endpoint_rests_and_is_tried_again() -> None:
    now = 100.0
    chain_ = FakeChain()
    dead = FakeNode(chain_, http=f"http://127.0.0.1:{need.free_port()}", ws="ws://127.0.0.1:1")
    asked = endpoint(dead, monotonic=lambda: now)
    for _ in range(3):
        with pytest.raises(SourceError) as raised:
            await asked.call("eth_blockNumber")
        assert raised.value.outcome is Outcome.CONNECTION
    assert asked.resting
    with pytest.raises(SourceError, match="resting"):
        await asked.call("eth_blockNumber")
    now += 0.6
    assert not asked.resting


def test_the_address_is_a_secret() -> None:
    config = EndpointConfig(name="a", http="http://127.0.0.1/key-of-ana", ws=None)
    assert "key-of-ana" not in repr(config)
    assert "key-of-ana" not in str(SourceError(Outcome.CONNECTION, "ConnectError"))
