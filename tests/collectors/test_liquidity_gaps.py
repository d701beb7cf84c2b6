"""Heights that were not taken are read once, and a round that reads nothing is a failure."""

from collections.abc import Callable
from typing import Any

import pytest

from dexwatch.clients.http import SourceError
from dexwatch.collectors import liquidity_providers
from dexwatch.collectors.liquidity_providers import LiquidityProvidersCollector
from dexwatch.collectors.run import Watch
from dexwatch.evm.block import BlockRef, parse_block
from dexwatch.evm.sequence import Reorg
from dexwatch.metrics import exchange
from tests.collectors.test_liquidity import FIRST, NAME, ZERO, Ledger, value, watch
from tests.fakes import pools as fake
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, GatewayAnswer, running
from tests.fakes.pools import ANA, PAIR


def take(watched: Watch, chain: FakeChain) -> BlockRef:
    """Give the newest block to the watch."""
    block = parse_block(chain.head, chain.receipts[chain.head["hash"]])
    watched._on_block(block)
    return block.ref


def collector(watched: Watch, monkeypatch: pytest.MonkeyPatch) -> LiquidityProvidersCollector:
    """Return the collector; each endpoint is on our chain."""
    monkeypatch.setattr(watched.stream.election, "trusted", lambda _feed: True)
    found = next(one.collector for one in watched._running if one.collector.name == NAME)
    assert isinstance(found, LiquidityProvidersCollector)
    return found


async def test_a_round_in_which_nobody_was_left_time_to_answer_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def wait(name: str) -> Callable[[list[Any]], Any]:
        def silent(_params: list[Any]) -> Any:
            asked.append(name)
            raise GatewayAnswer(200, None)

        return silent

    # The first time-out takes longer than a round may.
    monkeypatch.setattr(liquidity_providers, "_HISTORY_SECONDS", 0.1)
    chain = FakeChain(FIRST)
    async with running(FakeNode(chain)) as one, running(FakeNode(chain)) as other:
        one.answers["eth_getLogs"], other.answers["eth_getLogs"] = wait("one"), wait("other")
        watched = watch(one, other)
        lps = collector(watched, monkeypatch)
        take(watched, chain)
        for name in ("one", "other", "one"):
            asked.clear()
            with pytest.raises(SourceError):
                await lps.collect()
            # What one had no time for is the next round's first.
            assert set(asked) == {name}
        assert value(watched, exchange.liquidity_history_left) == FIRST - 1_000
        for endpoint in watched._endpoints:
            await endpoint.close()


async def test_a_skipped_height_that_a_reorganisation_brings_again_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain, ledger = FakeChain(FIRST), Ledger(10**6)
    async with running(FakeNode(chain)) as node:
        node.answers["eth_getLogs"] = ledger.give
        watched = watch(node)
        lps = collector(watched, monkeypatch)
        take(watched, chain)
        chain.mine()
        dropped = [take(watched, chain)]
        chain.mine(2)
        dropped.append(take(watched, chain))
        chain.fork(3, 1)
        watched._on_reorg(Reorg(tuple(reversed(dropped)), "reorg"))
        take(watched, chain)
        bought = fake.lp_transfer(ZERO, ANA, 5)
        ledger.logs[FIRST + 2] = [bought]
        chain.mine(receipts=[{"logs": [bought]}])
        take(watched, chain)
        await lps.collect()
        assert value(watched, exchange.liquidity_history_left) == 0
        assert lps._lps.dump()["held"][PAIR][ANA] == [ANA, hex(5)]
        for endpoint in watched._endpoints:
            await endpoint.close()
