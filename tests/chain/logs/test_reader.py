"""A range of logs is read whatever the node's bound on a span, each log once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dexwatch.chain.answers import RpcError
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.logs.reader import LogReader
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import SourceError
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running

POOL = "0x" + "aa" * 20
TOPIC = "0x" + "01" * 32


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain())) as found:
        yield found


def log(number: int) -> dict[str, Any]:
    return {"address": POOL, "topics": [TOPIC], "data": "0x", "logIndex": hex(number)}


class Ranged:
    """A node's endpoint that allows so many blocks a query."""

    def __init__(self, most: int) -> None:
        self.name = "ranged"
        self.resting = False
        self.most = most
        self.asked: list[tuple[int, int]] = []

    async def call(self, _method: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        self.asked.append((first, last))
        if last - first + 1 > self.most:
            raise RpcError("limit exceeded", code=-32005, refusal=Refusal.OTHER)
        return [log(number) for number in range(first, last + 1)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3_000), st.integers(0, 4_000), st.integers(1, 9))
async def test_every_log_is_read_once_within_the_bound(most: int, count: int, calls: int) -> None:
    endpoint, reader = Ranged(most), LogReader()
    found, begin, rounds = [], 1, 0
    while begin <= count and rounds < 5_000:
        before = len(endpoint.asked)
        rounds += 1
        try:
            page = await reader.read(
                endpoint,  # type: ignore[arg-type]
                address=POOL,
                topics=[TOPIC],
                first=begin,
                last=count,
                max_requests=calls,
            )
        except SourceError:
            continue
        finally:
            assert len(endpoint.asked) - before <= calls
        found.extend(one.index for one in page.logs)
        begin = page.last + 1
    assert found == list(range(1, count + 1))


async def test_a_span_grows_again() -> None:
    now = 0.0
    endpoint: Any = Ranged(10)
    reader = LogReader(monotonic=lambda: now)
    await reader.read(endpoint, address=POOL, topics=[], first=1, last=400)
    assert reader.span(endpoint).now <= 10
    endpoint.most = 5_000
    for _ in range(12):
        now += 4_000
        await reader.read(endpoint, address=POOL, topics=[], first=1, last=9_000)
    assert reader.span(endpoint).now == 5_000


async def test_too_many_requests_leave_the_span_alone(node: FakeNode) -> None:
    node.status = 429
    endpoint, reader = Endpoint(EndpointConfig(name="a", http=node.http), Series()), LogReader()
    with pytest.raises(SourceError):
        await reader.read(endpoint, address=POOL, topics=[], first=1, last=900)
    assert reader.span(endpoint).now == 500
    await endpoint.close()
