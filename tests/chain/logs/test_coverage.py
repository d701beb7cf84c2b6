"""No logs found are believed only of a node that shows that it has the logs of these blocks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.logs.coverage import check_coverage
from dexwatch.clients.http import SourceError
from dexwatch.metrics.series import Series
from tests.fakes import pools
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, RpcRefusal, running

FIRST, LAST = 110, 160


class LogNode:
    """Answers eth_getLogs out of a chain, as far as it has pruned or indexed it."""

    def __init__(self, node: FakeNode, kind: str) -> None:
        self.node, self.kind = node, kind
        self.oldest, self.newest = 0, 10**9
        node.answers["eth_getLogs"] = self._logs
        node.answers["eth_getBlockReceipts"] = self._receipts
        self.endpoint = Endpoint(EndpointConfig(name="node-a", http=node.http), Series())

    def _has(self, number: int) -> bool:
        return self.oldest <= number <= self.newest

    def _logs(self, params: list[Any]) -> Any:
        (wanted,) = params
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        filtered = "address" in wanted
        if self.kind == "wants an address" and not filtered:
            raise RpcRefusal(-32701, "Please specify an address in your request")
        if self.kind == "erigon" and not filtered and not self._has(first):
            raise RpcRefusal(-32000, "data before txNum=2662500000 is not available")
        return [
            log
            for number in range(first, last + 1)
            if self._has(number) or (self.kind == "index only" and not filtered)
            for receipt in self.node.chain.receipts[self.node.chain.canonical[number - 100]]
            for log in receipt["logs"]
            if not filtered
            or (log["address"] in wanted["address"] and log["topics"][:1] == wanted["topics"])
        ]

    def _receipts(self, params: list[Any]) -> Any:
        if self.kind == "old receipts refused":
            raise RpcRefusal(-32000, "receipts of old blocks are for paying customers")
        number = int(self.node.chain.blocks[params[0]]["number"], 16)
        kept = self._has(number) or self.kind == "index only"
        return self.node.chain.receipts[params[0]] if kept else None


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    chain = FakeChain()
    for _ in range(100):
        chain.mine(receipts=[{"logs": [pools.sync(1, 600)]}])
    async with running(FakeNode(chain)) as found:
        yield found


KINDS = ["erigon", "reth", "index only", "wants an address"]


@pytest.mark.parametrize("kind", [*KINDS, "old receipts refused"])
async def test_a_node_that_has_the_logs_of_a_range_shows_it(node: FakeNode, kind: str) -> None:
    there = LogNode(node, kind)
    await check_coverage(there.endpoint, FIRST, LAST)
    assert node.exchanges <= 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("oldest", [FIRST + 1, LAST, LAST + 1])
async def test_blocks_whose_logs_are_pruned_are_told(
    node: FakeNode, kind: str, oldest: int
) -> None:
    there = LogNode(node, kind)
    there.oldest = oldest
    with pytest.raises(SourceError, match=rf"node-a .* logs of block {FIRST} .*name an endpoint"):
        await check_coverage(there.endpoint, FIRST, LAST)


@pytest.mark.parametrize("kind", KINDS)
async def test_blocks_that_are_not_indexed_yet_are_told(node: FakeNode, kind: str) -> None:
    there = LogNode(node, kind)
    there.newest = LAST - 1
    with pytest.raises(SourceError, match=rf"logs of block {LAST} "):
        await check_coverage(there.endpoint, FIRST, LAST)


async def test_a_node_that_is_behind_does_not_have_the_newest_blocks(node: FakeNode) -> None:
    there = LogNode(node, "reth")
    node.behind = 200 - LAST + 1
    there.newest = LAST - 1
    with pytest.raises(SourceError, match="no such block"):
        await check_coverage(there.endpoint, FIRST, LAST)


async def test_blocks_without_logs_are_passed_over(node: FakeNode) -> None:
    node.chain.mine(5)
    there = LogNode(node, "index only")
    await check_coverage(there.endpoint, 198, 205)
    there.newest = 199
    with pytest.raises(SourceError, match="logs of block 200 "):
        await check_coverage(there.endpoint, 198, 205)


async def test_a_range_in_which_nothing_happened_is_covered(node: FakeNode) -> None:
    node.chain.mine(30)
    there = LogNode(node, "reth")
    await check_coverage(there.endpoint, 201, 230)
    await check_coverage(there.endpoint, 210, 210)
