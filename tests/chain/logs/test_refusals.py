"""Whatever a node means by refusing a span of logs, the logs are read, or it is said why not."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from dexwatch.chain.answers import RpcError
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.logs.reader import LogReader
from dexwatch.chain.logs.refusals import Cause, cause, permitted_blocks
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, GatewayAnswer, RpcRefusal, running

POOL = "0x" + "aa" * 20
TOPIC = "0x" + "01" * 32
REQUESTS = 12
PAGE = b"<html>upstream request timeout</html>"

Fail = Callable[[int, int], Any]
"""What is answered for the blocks from and to."""


def rpc(code: int, text: str) -> Fail:
    """Refuse as a node does."""

    def fail(first: int, _last: int) -> Any:
        raise RpcRefusal(code, text.format(first, first + 9))

    return fail


def gateway(status: int, body: bytes | None = PAGE, headers: str = "") -> Fail:
    """Refuse as what stands before a node does."""

    def fail(_first: int, _last: int) -> Any:
        raise GatewayAnswer(status, body, headers)

    return fail


def error(code: int, text: str) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": text}})


class Provider:
    """Gives the logs of so many blocks at once, one a block, and fails for more in its own way."""

    def __init__(self, node: FakeNode, fail: Fail, most: int) -> None:
        self.fail, self.most = fail, most
        self.asked: list[tuple[int, int]] = []
        node.answers["eth_getLogs"] = self._answer
        config = EndpointConfig(name="node-a", http=node.http)
        self.now = 0.0
        self.endpoint = Endpoint(config, Series(), timeout_seconds=0.3, monotonic=lambda: self.now)
        self.reader = LogReader(monotonic=lambda: self.now)

    def _answer(self, params: list[Any]) -> Any:
        first, last = (int(params[0][end], 16) for end in ("fromBlock", "toBlock"))
        self.asked.append((first, last))
        if last - first >= self.most:
            return self.fail(first, last)
        return [
            {"address": POOL, "topics": [TOPIC], "data": "0x", "logIndex": hex(number)}
            for number in range(first, last + 1)
        ]

    async def read(self, first: int, last: int) -> tuple[list[int], int]:
        """Read one page: the blocks of its logs, and the last block that it covers."""
        page = await self.reader.read(
            self.endpoint,
            address=POOL,
            topics=[TOPIC],
            first=first,
            last=last,
            max_requests=REQUESTS,
        )
        return [log.index for log in page.logs], page.last

    @property
    def span(self) -> int:
        return self.reader.span(self.endpoint).now


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


TOO_WIDE = {
    "proxy 502": gateway(502),
    "proxy 503": gateway(503),
    "proxy 504": gateway(504),
    "gateway 403": gateway(403),
    "gateway 422": gateway(422),
    "gateway 413": gateway(413),
    "gateway 400": gateway(400),
    "403 with a text": gateway(403, error(-32000, "Block range limit exceeded.")),
    "no answer in time": gateway(200, None),
    "nothing": lambda _first, _last: None,
    "cut off": gateway(200, b'{"jsonrpc":"2.0","id":1,"result":[{"address":"0x'),
    "over-large": gateway(200, b'{"jsonrpc":"2.0","id":1,"result":[' + b"[]," * 400_001 + b"[]]}"),
    "geth": rpc(-32005, "query exceeds max results 20000"),
    "bsc": rpc(-32000, "exceed maximum block range: 5000"),
    "bsc public node": rpc(-32005, "limit exceeded"),
    "load balancer -32029": rpc(-32029, "block range too large"),
    "-32004": rpc(-32004, "block range not supported, narrow the range"),
    "-32602": rpc(-32602, "invalid params: range too wide"),
    "Tenderly": rpc(-32602, "invalid params"),
    "Chainstack": rpc(-32602, "Block range limit exceeded. See more details."),
    "Infura under 429": gateway(429, error(-32005, "query returned more than 10000 results")),
    "NodeReal": rpc(-32005, "exceeds the range allowed for your plan"),
    "Helios": rpc(-32603, "internal error"),
    "dRPC timeout": gateway(408, error(30, "Request timeout on the free tier, please upgrade")),
}


@pytest.mark.parametrize("name", TOO_WIDE)
async def test_a_span_that_fails_is_read_in_smaller_ones(node: FakeNode, name: str) -> None:
    provider = Provider(node, TOO_WIDE[name], most=60)
    found: list[int] = []
    begin = 1
    for _ in range(30):
        if begin > 900:
            break
        before = len(provider.asked)
        try:
            blocks, last = await provider.read(begin, 900)
        except SourceError:
            # It rests after failures in a row, or since it asked us to wait.
            assert provider.endpoint.resting
        else:
            found += blocks
            begin = last + 1
        assert len(provider.asked) - before <= REQUESTS
        provider.now += 700
    assert found == list(range(1, 901))


NAMED = {
    "up to a 10 block range. Based on your parameters, this block range should work:"
    " [0x1, 0xa]. Upgrade to PAYG": 10,
    "query returned more than 10000 results. Try with this block range [0x1, 0x37].": 55,
    "query exceeds max results 20000, retry with the range 1-70": 70,
    "eth_getLogs is limited to a 100 range": 100,
    "eth_getLogs is limited to 0 - 50 blocks range": 50,
    "eth_getLogs is limited to 64 block range. Please check the requirements": 64,
    "exceed maximum block range: 50": 50,
    "range 1000000 exceeds limit of 100": 100,
    "requested too many blocks from 0 to 16777216, maximum is set to 48": 48,
    "too wide blocks range, the limit is 100": 100,
    "eth_getLogs block range too large, range: 500, max: 35": 35,
    "Block range too large: maximum allowed is 50 blocks on your current plan": 50,
    "Log response size exceeded. Maximum allowed number of requested blocks is 100": 100,
    "ranges over 100 blocks are not supported on free plan": 100,
    "block range is too wide (maximum 24)": 24,
    "block range too large, max 250": 250,
    "block range is larger than max block range, block range = 400, max block range = 90": 90,
}


@pytest.mark.parametrize(("text", "blocks"), NAMED.items())
async def test_the_span_that_a_text_names_is_taken(node: FakeNode, text: str, blocks: int) -> None:
    def fail(_first: int, _last: int) -> Any:
        raise RpcRefusal(-32000, text)

    provider = Provider(node, fail, most=blocks)
    _, last = await provider.read(1, 400)
    assert provider.asked[1] == (1, blocks)
    assert last == min(400, blocks * (REQUESTS - 1))


@pytest.mark.parametrize(
    "text",
    [
        "query returned more than 10000 results",
        "up to a 2K block range and no limit on the response size",
        "this block range should work: [0x9, 0x1]",
        "this block range should work: [0x0, 0xffffff]",
        "query exceeds max results 20000, retry with the range 1-500",
        "block range limit exceeded after 10 seconds",
        "range: limit 10 MB",
    ],
)
async def test_a_span_is_halved_where_the_text_names_none_that_is_smaller(
    node: FakeNode, text: str
) -> None:
    provider = Provider(node, rpc(-32005, text), most=250)
    await provider.read(1, 900)
    assert provider.asked[1] == (1, 250)


@pytest.mark.parametrize(("text", "blocks"), [("try range 0010-0100", 91), ("try range 0-09", 10)])
def test_a_number_with_zeros_before_it_is_read(text: str, blocks: int) -> None:
    assert permitted_blocks(SourceError(Outcome.RPC_ERROR, text)) == blocks


def test_thousands_are_read() -> None:
    told = SourceError(Outcome.RPC_ERROR, "with up to a 2K block range")
    assert permitted_blocks(told) == 2_000
    told = SourceError(Outcome.RPC_ERROR, "eth_getLogs is limited to a 10,000 range")
    assert permitted_blocks(told) == 10_000
    told = SourceError(Outcome.RPC_ERROR, "eth_getLogs range is too large, max is 1k blocks")
    assert permitted_blocks(told) == 1_000


HELD_BACK = {
    "too many requests": gateway(429, headers="retry-after: 60\r\n"),
    "too many, in JSON": gateway(
        429, error(-32005, "daily request count exceeded"), "retry-after: 60\r\n"
    ),
    "compute units": rpc(429, "Your app has exceeded its compute units per second capacity"),
    "no such method": rpc(-32601, "the method eth_getLogs does not exist/is not available"),
    "no such path": gateway(404),
    "a span that the node has not come to": rpc(-32602, "block range extends beyond current head"),
    "not signed in": gateway(401),
    "not paid": gateway(402),
}


@pytest.mark.parametrize("name", HELD_BACK)
async def test_what_is_plainly_not_the_span_is_asked_once(node: FakeNode, name: str) -> None:
    provider = Provider(node, HELD_BACK[name], most=0)
    with pytest.raises(SourceError):
        await provider.read(1, 900)
    assert len(provider.asked) == 1
    assert provider.span == 500


async def test_a_node_that_asks_us_to_wait_is_left_alone_though_the_span_is_smaller(
    node: FakeNode,
) -> None:
    body = error(-32005, "query returned more than 10000 results")
    provider = Provider(node, gateway(429, body, "retry-after: 60\r\n"), most=250)
    for _ in range(3):
        with pytest.raises(SourceError):
            await provider.read(1, 900)
    assert provider.asked == [(1, 500)]
    provider.now += 61
    assert (await provider.read(1, 900))[1] == 900


@pytest.mark.parametrize("fail", [gateway(503), gateway(200, None), lambda *_: None])
async def test_an_outage_narrows_no_span_and_makes_no_storm(node: FakeNode, fail: Fail) -> None:
    provider = Provider(node, fail, most=0)
    for _ in range(3):
        before = len(provider.asked)
        with pytest.raises(SourceError):
            await provider.read(1, 900)
        assert len(provider.asked) - before <= 2
        provider.now += 5
    assert provider.span == 500
    provider.most = 500
    assert (await provider.read(1, 900))[1] == 900


@pytest.mark.parametrize(
    "fail", [gateway(503), lambda *_: None, rpc(-32005, "query returned more than 10000 results")]
)
async def test_a_block_that_is_refused_alone_is_named_with_the_remedy(
    node: FakeNode, fail: Fail
) -> None:
    provider = Provider(node, fail, most=0)
    with pytest.raises(SourceError, match=r"node-a .* block 7 even alone .*name an endpoint"):
        await provider.read(7, 900)


def test_a_reason_under_any_code_is_known_by_its_text() -> None:
    for refusal in Refusal:
        told = RpcError("block range too wide", code=None, refusal=refusal)
        assert cause(told) is Cause.WIDTH
    limited = RpcError("too many requests", code=None, refusal=Refusal.RATE_LIMITED)
    assert cause(limited) is Cause.ELSEWHERE
    pruned = RpcError("requested block is out of range", code=None, refusal=Refusal.OTHER)
    assert cause(pruned) is Cause.UNKNOWN
