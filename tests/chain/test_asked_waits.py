"""Whoever asks us to wait is left alone for so long, however it says so, but not for ever."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request as Upgrade
from websockets.http11 import Response

from dexwatch import clock
from dexwatch.backoff import Backoff, Failures
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import SourceError
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, GatewayAnswer, running
from tests.fakes.patience import until
from tests.fakes.streams import watched

MOST_SECONDS = Backoff(first=1.0, most=1.0).most_asked


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


async def rest(node: FakeNode, calls: int = 1) -> tuple[float, float]:
    """Ask once; return between how many seconds the endpoint is left alone."""
    ticks = Clock()
    asked = Endpoint(EndpointConfig(name="a", http=node.http), Series(), monotonic=ticks)
    found = await asked.batch([Request("eth_blockNumber")] * calls)
    await asked.close()
    assert all(isinstance(answer, SourceError) for answer in found)
    steps = (0.0, 0.1, 1, 29, 31, 89, 91, MOST_SECONDS - 1, MOST_SECONDS + 1)
    for before, after in itertools.pairwise(steps):
        ticks.now = 100.0 + after
        if not asked.resting:
            return before, after
    raise AssertionError("left alone for ever")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("body", [b"", b'{"id":1,"error":{"code":-32000,"message":"busy"}}'])
async def test_the_header_is_obeyed(node: FakeNode, status: int, body: bytes) -> None:
    node.status, node.raw, node.headers = status, body, "retry-after: 30\r\n"
    assert await rest(node) == (29, 31)


@pytest.mark.parametrize("status", [429, 503])
async def test_the_header_may_be_a_date(node: FakeNode, status: int) -> None:
    then = format_datetime(clock.now() + timedelta(seconds=60), usegmt=True)
    node.status, node.raw, node.headers = status, b"", f"retry-after: {then}\r\n"
    assert (await rest(node))[0] in (31, 29)


async def test_nobody_silences_us_for_longer_than_the_bound(node: FakeNode) -> None:
    node.status, node.raw, node.headers = 503, b"", "retry-after: 99999999\r\n"
    assert await rest(node) == (MOST_SECONDS - 1, MOST_SECONDS + 1)


@pytest.mark.parametrize("header", ["soon", "-5", "", "1e400x", "Mon, 99 Foo 2026"])
async def test_a_header_that_says_nothing_is_none(node: FakeNode, header: str) -> None:
    node.status, node.raw, node.headers = 503, b"", f"retry-after: {header}\r\n"
    assert await rest(node) == (0.0, 0.1)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # As Infura answers, now and before.
        ({"rate": {"backoff_seconds": 30, "allowed_rps": 1}, "see": "https://x"}, (29, 31)),
        ({"backoff_seconds": 30.0, "allowed_rps": 10.0}, (29, 31)),
        ({"try_again_in": "577.96ms"}, (0.1, 1)),
        ({"try_again_in": "1m30s"}, (89, 91)),
        ({"try_again_in": "30"}, (29, 31)),
        ({"try_again_in": "30s"}, (29, 31)),
        ({"retry_after": 30}, (29, 31)),
        ({"backoff_seconds": 1e30}, (MOST_SECONDS - 1, MOST_SECONDS + 1)),
        ({"try_again_in": "999999999h"}, (MOST_SECONDS - 1, MOST_SECONDS + 1)),
        ({"try_again_in": "soon"}, (0.0, 0.1)),
        ({"try_again_in": "1m" * 2_000}, (0.0, 0.1)),
        ({"backoff_seconds": -5}, (0.0, 0.1)),
        ({"backoff_seconds": True}, (0.0, 0.1)),
        ({"rate": []}, (0.0, 0.1)),
        ([30], (0.0, 0.1)),
    ],
)
@pytest.mark.parametrize("calls", [1, 2])
async def test_the_data_of_an_error_is_obeyed(
    node: FakeNode, data: Any, expected: tuple[float, float], calls: int
) -> None:
    error = {"code": -32005, "message": "project ID request rate exceeded", "data": data}
    node.raw = orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": error})
    assert await rest(node, calls) == expected


@pytest.mark.parametrize("body", [b"", b'{"id":1,"error":{"code":-32005,"message":"limit"}}'])
async def test_one_call_above_the_rate_delays_no_other(node: FakeNode, body: bytes) -> None:
    def refuse(_: list[Any]) -> Any:
        raise GatewayAnswer(429, body)

    node.answers["eth_call"] = refuse
    asked = Endpoint(EndpointConfig(name="a", http=node.http), Series(), monotonic=Clock())
    with pytest.raises(SourceError):
        await asked.call("eth_call")
    # Such as a block, which comes while our own clock stands still.
    assert await asked.call("eth_blockNumber") == "0x64"
    for _ in range(3):
        with pytest.raises(SourceError):
            await asked.call("eth_call")
    assert asked.resting
    await asked.close()


async def test_a_rest_that_was_asked_for_is_not_cut_short_by_more_failures(node: FakeNode) -> None:
    ticks = Clock()
    node.status, node.raw, node.headers = 429, b"", "retry-after: 60\r\n"
    asked = Endpoint(EndpointConfig(name="a", http=node.http), Series(), monotonic=ticks)
    for _ in range(5):
        with pytest.raises(SourceError):
            await asked.call("eth_blockNumber")
        ticks.now += 61
    ticks.now -= 2
    assert asked.resting
    await asked.close()


async def test_a_subscription_waits_for_as_long_as_the_server_asks(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float | None] = []
    failed = Failures.failed

    def noted(self: Failures, *, retry_after: float | None = None) -> float:
        asked.append(retry_after)
        return failed(self, retry_after=retry_after)

    def busy(socket: ServerConnection, _: Upgrade) -> Response:
        response = socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy")
        response.headers["Retry-After"] = "30"
        return response

    async def never(_: ServerConnection) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Failures, "failed", noted)
    async with serve(never, "127.0.0.1", 0, process_request=busy) as server:
        node.ws = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with watched(node):
            await until(lambda: 30.0 in asked)
