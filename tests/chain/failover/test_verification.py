"""What endpoints show is compared whatever one of them shows, and whenever it is asked."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.chain.failover.verification import HeadDivergence, Verification
from dexwatch.chain.heads import HeadFeed
from dexwatch.evm.block import BlockRef, parse_header
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running
from tests.fakes.patience import until
from tests.fakes.streams import mine, watched


def test_an_endpoint_that_shows_a_thousand_heights_displaces_only_its_own() -> None:
    divergence = HeadDivergence(Series(), ["a", "b", "liar"])
    for name in ("a", "b"):
        divergence.record(name, BlockRef(100, "0xaa", ""), "a")
    for number in range(1_000, 2_000):
        divergence.record("liar", BlockRef(number, "0xbb", ""), "a")
    assert divergence.shown(100) == {"a": "0xaa", "b": "0xaa"}
    assert divergence.shown(1_000) == {}
    assert divergence.shown(1_999) == {"liar": "0xbb"}


@pytest.mark.parametrize("block_hash", [[], {}, None, 7, "0x1", "x" * 66])
async def test_a_hash_that_is_none_does_not_end_the_watch(block_hash: Any) -> None:
    chain, liar = FakeChain(), FakeNode(FakeChain())
    good = [FakeNode(chain), FakeNode(chain)]

    def lie(params: list[Any]) -> Any:
        head = liar.chain.head
        return head if params[0] == "latest" else {**head, "hash": block_hash}

    liar.answers["eth_getBlockByNumber"] = lie
    async with AsyncExitStack() as exits:
        for one in (*good, liar):
            await exits.enter_async_context(running(one))
        _, seen = await exits.enter_async_context(watched(*good, liar, push=False))
        await until(lambda: seen.blocks, seconds=10)
        await mine(good[0], 3)
        await until(lambda: seen.hashes[-1:] == chain.canonical[-1:])


async def test_blocks_that_are_passed_over_meanwhile_leave_nothing_to_compare() -> None:
    chain = FakeChain()
    async with running(FakeNode(chain)) as node:
        endpoint = Endpoint(EndpointConfig(name="a", http=node.http), Series())
        feed = HeadFeed(
            endpoint,
            Series(),
            chain_id=56,
            interval_seconds=0.1,
            stall_seconds=1.0,
            on_head=lambda _feed, _head: None,
        )
        feed.up, feed.head = True, parse_header(chain.head)
        known: Iterator[tuple[BlockRef, ...]] = iter([(feed.head.ref,), ()])
        looked = asyncio.Event()

        def evaluated() -> tuple[BlockRef, ...]:
            found = next(known, None)
            if found is None:
                looked.set()
            return found or ()

        verification = Verification([feed], Series(), evaluated=evaluated, on_change=looked.set)
        task = asyncio.create_task(verification.run(lambda: feed))
        done, _ = await asyncio.wait(
            [task, asyncio.create_task(looked.wait())],
            timeout=10,
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert task not in done
        assert done
        task.cancel()
        await endpoint.close()
