"""`doctor` proves a live block of each endpoint, and says what to set where that cannot be."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dexwatch.chain import probes
from dexwatch.chain.config import ChainConfig
from dexwatch.clients.probing import ProbeError
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running

LOG = {"address": "0x" + "aa" * 20, "topics": ["0x" + "01" * 32], "data": "0x07"}


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    """A node whose newest block with transactions is the one that is tried."""
    async with running(FakeNode(FakeChain())) as found:
        found.chain.mine(receipts=[{"logs": [LOG]}])
        found.chain.mine(2)
        yield found


async def tried(node: FakeNode, **options: Any) -> str:
    config = ChainConfig(endpoints=[{"name": "a", "http": node.http}], **options)
    [probe] = probes.probes(config, {})
    return await probe.attempt()


async def test_a_block_is_proved(node: FakeNode) -> None:
    assert "block 101 proved by its hash (transactions: 1, logs: 1)" in await tried(node)


async def test_where_blocks_are_empty_it_says_how_little_was_proved(node: FakeNode) -> None:
    node.chain.mine(10)
    assert "none holds a transaction" in await tried(node)


def other_status(receipt: dict[str, Any]) -> None:
    receipt["status"] = "0x0"


def other_data(receipt: dict[str, Any]) -> None:
    receipt["logs"] = [receipt["logs"][0] | {"data": "0x08"}]


def no_logs(receipt: dict[str, Any]) -> None:
    receipt["logs"] = []


def no_status(receipt: dict[str, Any]) -> None:
    del receipt["status"]


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (other_status, "is not proved by its hash"),
        (other_data, "is not proved by its hash"),
        # These may come late as well as never.
        (no_logs, "is not whole"),
        (no_status, "is not whole"),
    ],
)
async def test_a_false_receipt_is_told_with_the_setting(
    node: FakeNode, alter: Callable[[dict[str, Any]], None], said: str
) -> None:
    real = node._eth_getBlockReceipts

    def altered(params: list[Any]) -> list[dict[str, Any]]:
        receipts = [dict(one) for one in real(*params)]
        for one in receipts:
            alter(one)
        return receipts

    node.answers["eth_getBlockReceipts"] = altered
    with pytest.raises(ProbeError, match=said) as raised:
        await tried(node)
    assert "chain.prove_blocks: false" in raised.value.remedy
    assert "proved" not in await tried(node, prove_blocks=False)
