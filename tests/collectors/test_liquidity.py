"""What the chain is asked about pools and their past: on one block, in spans, until it is known."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from dexwatch.chain.calls import selector
from dexwatch.chain.config import ChainConfig
from dexwatch.collectors import liquidity, liquidity_providers, run
from dexwatch.collectors.run import Watch
from dexwatch.evm import topics
from dexwatch.metrics import exchange, own
from dexwatch.metrics.metric import Metric
from tests.collectors.test_market_attacks import BO, CY, MANAGER, mint
from tests.collectors.test_run import ANSWERS
from tests.fakes import pools as fake
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, GatewayAnswer, RpcRefusal, running
from tests.fakes.patience import until
from tests.fakes.pools import ANA, PAIR, POOL

ZERO = "0x" + "00" * 20
OWNER_OF = "0x" + selector("ownerOf(uint256)").hex()
NAME = "liquidity_providers"
FIRST = 5_000
"""The height at which the watch begins."""


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds come as fast as a test can await them."""
    monkeypatch.setattr(liquidity, "_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(liquidity_providers, "_EVERY_SECONDS", 0.1)


OTHERS = fake.log("0x" + "e0" * 20, topics.TRANSFER, [ANA, BO], ["uint256"], 5)
"""What is in every block, from a token that is not ours."""


class Ledger:
    """A node's logs by height, and the rules by which it gives them."""

    def __init__(self, most: int, *, oldest: int = 0) -> None:
        self.most = most
        self.oldest = oldest
        """Of blocks before it nothing is given, as if there were nothing."""
        self.logs: dict[int, list[dict[str, Any]]] = {}
        self.asked: list[tuple[int, int]] = []
        """The spans of the pools' logs."""
        self.tried = 0
        """How often it was asked for what is in every block."""

    def give(self, params: list[Any]) -> list[dict[str, Any]]:
        (wanted,) = params
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if wanted.get("address", OTHERS["address"]) == OTHERS["address"]:
            self.tried += 1
            return [OTHERS] if first >= self.oldest else []
        self.asked.append((first, last))
        if last - first >= self.most:
            raise RpcRefusal(-32005, "block range too large")
        return [
            log
            for number in range(max(first, self.oldest), last + 1)
            for log in self.logs.get(number, ())
            if log["address"] in wanted["address"] and log["topics"][0] in wanted["topics"][0]
        ]


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(FakeChain(FIRST))) as found:
        found.answers["eth_call"] = lambda params: ANSWERS[params[0]["data"][:10]]
        found.answers["eth_getLogs"] = Ledger(10**6).give
        yield found


def watch(*nodes: FakeNode, folder: Path | None = None) -> Watch:
    endpoints = [
        {"name": f"node-{place}", "http": node.http, "ws": node.ws}
        for place, node in enumerate(nodes)
    ]
    config = ChainConfig(block_interval_ms=30, timeout_seconds=0.5, endpoints=endpoints)
    pools = [
        {**pool.model_dump(), "first_block": first}
        for pool, first in zip(fake.dex().pools, (1_000, 2_000), strict=True)
    ]
    return Watch(config, fake.dex(pools=pools), folder=folder)


def value(watched: Watch, metric: Metric, **labels: str) -> Any:
    for sample in watched.samples():
        if sample.metric.name == metric.name and dict(sample.labels) == labels:
            return sample.value
    return None


@pytest.mark.parametrize("most", [10_000, 500, 60])
async def test_the_past_is_read_whatever_span_the_node_allows(node: FakeNode, most: int) -> None:
    ledger = Ledger(most)
    node.answers["eth_getLogs"] = ledger.give
    ledger.logs = {
        1_000: [fake.lp_transfer(ZERO, ANA, 5), fake.lp_transfer(ZERO, BO, 5)],
        # Broken, and no reason to know nothing of the rest.
        1_500: [{**fake.lp_transfer(ZERO, CY, 5), "data": "0x"}],
        2_100: mint(1, ANA),
        2_200: mint(2, BO),
        4_200: [fake.lp_transfer(BO, ANA, 5)],
        FIRST - 1: mint(3, CY),
    }
    async with watch(node).run() as watched:
        await until(lambda: value(watched, exchange.liquidity_history_left) == 0)
        assert value(watched, exchange.liquidity_providers, pool="WBNB/USDT") == 1
        assert value(watched, exchange.liquidity_providers, pool="V3") == 3
        assert value(watched, exchange.events_malformed, address=PAIR) == 1
        assert value(watched, own.collector_success, collector="liquidity_providers") == 1
    read = [asked for asked in ledger.asked if asked[1] - asked[0] < most]
    # In order, without a gap, nothing twice.
    assert read[0][0] == 1_000
    assert all(right[0] == left[1] + 1 for left, right in pairwise(read))
    assert read[-1][1] == FIRST - 1


async def test_a_past_that_one_node_has_pruned_is_read_from_another(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One page a round, so that there are several.
    monkeypatch.setattr(liquidity_providers, "_HISTORY_SECONDS", 0.02)
    pruned, whole = Ledger(10**6, oldest=3_000), Ledger(50)
    pruned.logs = whole.logs = {2_100: mint(1, ANA), 2_200: mint(2, BO), 4_200: mint(3, CY)}
    node.answers["eth_getLogs"] = pruned.give
    async with running(FakeNode(node.chain)) as other:
        other.answers = {**node.answers, "eth_getLogs": whole.give}
        await read_past_of(node, other)
    assert not pruned.asked
    # Once found, the one that has it is asked first.
    assert whole.tried > 4 * pruned.tried


async def test_a_node_that_keeps_us_waiting_keeps_no_other_from_being_asked(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_params: list[Any]) -> Any:
        raise GatewayAnswer(200, None)

    # A round ends before the node's time-out.
    monkeypatch.setattr(run, "_COLLECT_SECONDS", 0.3)
    whole = Ledger(10**6)
    whole.logs = {2_100: mint(1, ANA), 2_200: mint(2, BO), 4_200: mint(3, CY)}
    node.answers["eth_getLogs"] = wait
    async with running(FakeNode(node.chain)) as other:
        other.answers = {**node.answers, "eth_getLogs": whole.give}
        await read_past_of(node, other)


async def read_past_of(*nodes: FakeNode) -> None:
    """Watch until the past is read, and expect three providers of the V3 pool in it."""
    async with watch(*nodes).run() as watched:
        end = time.monotonic() + 20
        while value(watched, exchange.liquidity_history_left) != 0:
            assert time.monotonic() < end, "the past was not read in time"
            nodes[0].chain.mine()
            await asyncio.gather(*(node.push() for node in nodes))
            await asyncio.sleep(0.05)
        assert value(watched, exchange.liquidity_providers, pool="V3") == 3


async def test_a_past_that_nobody_has_is_not_taken_for_an_empty_one(node: FakeNode) -> None:
    ledger = Ledger(10**6, oldest=3_000)
    ledger.logs = {2_100: mint(1, ANA)}
    node.answers["eth_getLogs"] = ledger.give
    async with watch(node).run() as watched:
        await until(lambda: value(watched, own.collector_success, collector=NAME) == 0)
        assert value(watched, exchange.liquidity_history_left) == FIRST - 1_000
        # It gets its blocks after all.
        ledger.oldest = 0
        await until(lambda: value(watched, own.collector_success, collector=NAME) == 1)
        await until(lambda: value(watched, exchange.liquidity_history_left) == 0)
        assert value(watched, exchange.liquidity_providers, pool="V3") == 1


async def test_a_restart_reads_only_what_happened_meanwhile(node: FakeNode, tmp_path: Path) -> None:
    ledger = Ledger(10**6)
    node.answers["eth_getLogs"] = ledger.give
    ledger.logs = {2_100: mint(1, ANA), 2_200: mint(2, BO)}
    pool = {"pool": "V3"}
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, exchange.liquidity_history_left) == 0)
        assert value(watched, exchange.liquidity_providers, **pool) == 2
    # While nobody watches Bo's NFT goes to Ana, and somebody new comes.
    ledger.asked.clear()
    (tmp_path / "chain.sqlite").unlink()
    node.chain.mine(3, receipts=[{"logs": mint(9, CY)}])
    moved = fake.log(MANAGER, topics.TRANSFER, [BO, ANA], [])
    ledger.logs[FIRST + 2] = [{**moved, "topics": [*moved["topics"], f"0x{2:064x}"]}]
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, exchange.liquidity_providers, **pool) == 2)
        await until(lambda: value(watched, exchange.liquidity_history_left) == 0)
    assert ledger.asked == [(FIRST + 1, FIRST + 2)]


@pytest.mark.parametrize("text", ["", "null", '{"config": 1}', '{"positions": {}}'])
async def test_an_unusable_checkpoint_is_a_first_start(
    node: FakeNode, tmp_path: Path, text: str
) -> None:
    ledger = Ledger(10**6)
    node.answers["eth_getLogs"] = ledger.give
    ledger.logs = {2_100: mint(1, ANA)}
    file = tmp_path / "liquidity-providers.json"
    file.write_text(text)
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, exchange.liquidity_history_left) == 0)
        assert value(watched, exchange.liquidity_providers, pool="V3") == 1
    # And for positions that are none, in a file that is ours by its configuration.
    file.write_bytes(file.read_bytes().replace(b'"held":{', b'"held":{"x":5,'))
    (tmp_path / "chain.sqlite").unlink()
    node.chain.mine()
    async with watch(node, folder=tmp_path).run() as watched:
        await until(lambda: value(watched, exchange.liquidity_history_left) == 0)
        assert value(watched, exchange.liquidity_providers, pool="V3") == 1


async def test_state_is_read_on_the_block_that_was_evaluated(node: FakeNode) -> None:
    asked: list[Any] = []

    def call(params: list[Any]) -> str:
        asked.append(params[1])
        return ANSWERS[params[0]["data"][:10]]

    node.answers["eth_call"] = call
    async with watch(node).run() as watched:
        await until(lambda: node.sockets)
        node.chain.mine(2)
        await node.push()
        await until(lambda: watched.context.consumer.tip and asked)
        node.chain.mine()
        await node.push()
        await until(lambda: value(watched, exchange.tvl_usd, pool="V3"))
    evaluated = set(node.chain.canonical)
    assert {block["blockHash"] for block in asked if block != "latest"} <= evaluated
    assert any(isinstance(block, dict) for block in asked)


async def test_a_pool_that_does_not_tell_its_liquidity_has_a_state_all_the_same(
    node: FakeNode,
) -> None:
    def call(params: list[Any]) -> str:
        if params[0]["data"] == "0x" + selector("liquidity()").hex():
            raise LookupError("execution reverted")
        return ANSWERS[params[0]["data"][:10]]

    node.answers["eth_call"] = call
    async with watch(node).run() as watched:
        await until(lambda: node.sockets and watched.context.consumer.tip)
        await until(lambda: watched.context.market._told)
        node.chain.mine()
        await node.push()
        await until(lambda: value(watched, exchange.tvl_usd, pool="V3"))
        assert value(watched, own.collector_success, collector="liquidity") == 1


async def test_the_owner_of_an_unknown_nft_is_read_from_the_chain(node: FakeNode) -> None:
    node.answers["eth_call"] = lambda params: (
        "0x" + encode(["address"], [ANA]).hex()
        if params[0]["data"].startswith(OWNER_OF)
        else ANSWERS[params[0]["data"][:10]]
    )
    # Two positions whose NFTs were made before anything that we read: only more is put in.
    grown = [log for token in (1, 2) for log in mint(token, BO) if not _is_nft(log)]
    async with watch(node).run() as watched:
        await until(lambda: node.sockets and watched.context.consumer.tip)
        node.chain.mine(receipts=[{"logs": grown}])
        await node.push()
        await until(lambda: value(watched, exchange.liquidity_providers, pool="V3") == 2)

        def one() -> bool:
            return bool(value(watched, exchange.liquidity_providers, pool="V3") == 1)

        end = time.monotonic() + 15
        while not one() and time.monotonic() < end:
            node.chain.mine()
            await node.push()
            await asyncio.sleep(0.2)
        assert one()


def _is_nft(log: dict[str, Any]) -> bool:
    return bool(log["address"] == MANAGER and log["topics"][0] == topics.TRANSFER)


async def test_the_pools_event_comes_from_the_manager() -> None:
    """What these tests make has the order of the manager's own contract."""
    emitters = [log["address"] for log in mint(1, ANA)]
    assert emitters == [POOL, MANAGER, MANAGER]
