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
from dexwatch.clients.http import Outcome, SourceError
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


@settings(max_examples=60)
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
    await reader.read(endpoint, address=POOL, topics=[], first=1, last=900)
    assert reader.span(endpoint).now <= 10
    endpoint.most = 5_000
    for _ in range(12):
        now += 4_000
        await reader.read(endpoint, address=POOL, topics=[], first=1, last=9_000)
    assert reader.span(endpoint).now == 5_000


@pytest.mark.parametrize(("first", "last"), [(1, 3), (1, 503)])
async def test_a_passing_failure_of_few_blocks_narrows_no_span(first: int, last: int) -> None:
    class Slow(Ranged):
        async def call(self, _method: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
            if int(wanted["toBlock"], 16) == last and not self.asked:
                self.asked.append((first, last))
                raise SourceError(Outcome.TIMEOUT, "no answer in time")
            return [
                log(number)
                for number in range(int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16) + 1)
            ]

    endpoint: Any = Slow(5_000)
    reader = LogReader()
    page = await reader.read(endpoint, address=POOL, topics=[], first=first, last=last)
    assert [one.index for one in page.logs] == list(range(first, last + 1))
    assert endpoint.asked
    assert reader.span(endpoint).now >= 500


async def test_few_blocks_that_are_too_many_are_read_alone() -> None:
    endpoint: Any = Ranged(1)
    page = await LogReader().read(endpoint, address=POOL, topics=[], first=1, last=3)
    assert [one.index for one in page.logs] == [1, 2, 3]
    assert endpoint.asked == [(1, 3), (1, 1), (2, 2), (3, 3)]


async def test_too_many_requests_leave_the_span_alone(node: FakeNode) -> None:
    node.status = 429
    endpoint, reader = Endpoint(EndpointConfig(name="a", http=node.http), Series()), LogReader()
    with pytest.raises(SourceError):
        await reader.read(endpoint, address=POOL, topics=[], first=1, last=900)
    assert reader.span(endpoint).now == 500
    await endpoint.close()
