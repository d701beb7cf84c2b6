"""Every way in which an endpoint can fail has its outcome, is counted, and is no crash."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from dexwatch.chain.adaptive_size import AdaptiveSize
from dexwatch.chain.answers import RpcError, is_unsupported
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series
from tests.fakes import need
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, RpcRefusal, running


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
    node.raw = b'[null,3,{"id":true,"result":1},{"id":"1.","result":1},{"id":2,"result":7}]'
    answers = await endpoint(node).batch([Request("a"), Request("b")])
    assert answers[0].outcome is Outcome.MALFORMED
    assert answers[1] == 7


@pytest.mark.parametrize("answered", ["1", 1])
async def test_a_gateway_may_give_the_number_of_a_request_as_text(
    node: FakeNode, answered: object
) -> None:
    node.raw = orjson.dumps({"jsonrpc": "2.0", "id": answered, "result": "0x64"})
    assert await endpoint(node).call("eth_blockNumber") == "0x64"


@pytest.mark.parametrize("other", ["2", "01x", "", " 1", "1.0", "\u0661", True, 1.0, None, [1]])
async def test_what_is_not_the_number_of_the_request_is_no_answer(
    node: FakeNode, other: object
) -> None:
    node.raw = orjson.dumps({"jsonrpc": "2.0", "id": other, "result": "0x64"})
    with pytest.raises(SourceError, match="another id"):
        await endpoint(node).call("eth_blockNumber")


async def test_the_calls_of_a_batch_are_told_apart_by_numbers_as_text(node: FakeNode) -> None:
    node.bend = lambda answers: (200, [{**one, "id": str(one["id"])} for one in answers[::-1]])
    answers = await endpoint(node).batch([Request("eth_blockNumber"), Request("net_peerCount")])
    assert answers == ["0x64", "0x19"]


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
    now += 0.7
    assert not asked.resting


def test_the_address_is_a_secret() -> None:
    config = EndpointConfig(name="a", http="http://127.0.0.1/key-of-ana", ws=None)
    assert "key-of-ana" not in repr(config)
    assert "key-of-ana" not in str(SourceError(Outcome.CONNECTION, "ConnectError"))


@pytest.mark.parametrize("status", [200, 400, 413, 500])
@pytest.mark.parametrize("most", [1, 3, 20])
async def test_batches_shrink_until_they_are_taken(node: FakeNode, most: int, status: int) -> None:
    node.most_calls, node.refused_status = most, status
    series = Series()
    asked = endpoint(node, series)
    assert await asked.batch([Request("eth_blockNumber")] * 40) == ["0x64"] * 40
    assert asked.batch_size <= most
    assert not asked.resting


def test_a_batch_grows_again_after_a_quiet_time() -> None:
    now = 0.0
    size = AdaptiveSize(50, monotonic=lambda: now)
    size.refused(50)
    size.refused(25)
    assert size.now == 12
    size.accepted()
    assert size.now == 12
    for _ in range(3):
        now += 200
        size.accepted()
    assert size.now == 50


async def test_too_many_requests_do_not_make_more_requests(node: FakeNode) -> None:
    node.most_calls, node.refused_status = 1, 429
    asked = endpoint(node)
    found = await asked.batch([Request("eth_blockNumber")] * 5)
    assert all(answer.outcome is Outcome.RPC_ERROR for answer in found)
    assert node.exchanges == 1


async def test_a_batch_that_is_refused_whole_says_of_no_method_that_it_is_lacking(
    node: FakeNode,
) -> None:
    def busy(_: list[Any]) -> Any:
        raise RpcRefusal(-32000, "header not found")

    node.most_calls, node.refused_code = 1, -32601
    asked = endpoint(node)
    # Asked alone it fails in passing, which says nothing of the method either.
    node.answers["eth_getBlockReceipts"] = busy
    await asked.batch([Request("eth_blockNumber"), Request("eth_getBlockReceipts")])
    assert not asked.lacks("eth_getBlockReceipts")


async def test_more_logs_than_are_read_at_once_put_no_endpoint_to_rest(node: FakeNode) -> None:
    node.raw = b"[" + b"[]," * 400_000 + b"[]]"
    asked = endpoint(node)
    for _ in range(4):
        with pytest.raises(SourceError):
            await asked.call("eth_getLogs", {})
    assert not asked.resting


async def test_a_large_answer_that_the_node_cuts_short_is_asked_in_parts(node: FakeNode) -> None:
    # As geth does: the calls that came first are answered, the rest has an error of its own.
    node.answered_of_batch = 2
    found = await endpoint(node).batch([Request("eth_blockNumber")] * 9)
    assert found == ["0x64"] * 9


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
async def test_a_json_rpc_error_under_another_status_is_read(node: FakeNode, status: int) -> None:
    node.status = status
    node.raw = b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"reverted","data":"0x01"}}'
    with pytest.raises(RpcError) as raised:
        await endpoint(node).call("eth_call")
    assert raised.value.data == "0x01"


async def test_an_unsupported_method_is_tried_again_after_an_hour(node: FakeNode) -> None:
    now = 100.0
    node.lacks.add("eth_getBlockReceipts")
    asked = endpoint(node, monotonic=lambda: now)
    with pytest.raises(RpcError):
        await asked.call("eth_getBlockReceipts", "0x")
    assert asked.lacks("eth_getBlockReceipts")
    now += 3_601
    assert not asked.lacks("eth_getBlockReceipts")


async def test_an_endpoint_that_sent_a_monstrous_answer_rests_long(node: FakeNode) -> None:
    now = 100.0
    node.raw = b"[" + b"[]," * 200_000 + b"[]]"
    asked = endpoint(node, monotonic=lambda: now)
    with pytest.raises(SourceError):
        await asked.call("eth_blockNumber")
    now += 5
    assert asked.resting
    now += 10
    assert not asked.resting


@pytest.mark.parametrize("tail", ["", "/", "/v1/KEY", "/v1/KEY/", "/v1?key=KEY", "/a//b?x=1&y="])
async def test_an_address_is_used_exactly_as_given(node: FakeNode, tail: str) -> None:
    config = EndpointConfig(name="a", http=node.http + tail)
    await Endpoint(config, Series()).call("eth_blockNumber")
    assert node.targets == {tail if tail.startswith("/") else f"/{tail}"}


async def test_a_redirect_is_not_followed(node: FakeNode) -> None:
    async with running(FakeNode(FakeChain())) as inner:
        node.status, node.headers = 307, f"location: {inner.http}\r\n"
        with pytest.raises(SourceError, match="status 307"):
            await endpoint(node).call("eth_blockNumber")
        assert not inner.calls
