"""What we believe of anvil alone, on which the sample's chain runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dexwatch.chain.answers import is_unsupported
from dexwatch.chain.endpoint import Endpoint, Request
from tests.fakes.real_nodes import RealNode, mined


@asynccontextmanager
async def anvil(folder: Path, *options: str) -> AsyncIterator[Endpoint]:
    node = RealNode("anvil", folder, *options)
    try:
        node.start()
        async with node.endpoint() as endpoint:
            yield endpoint
    finally:
        node.stop()


async def test_its_answers_have_the_form_that_we_assume(tmp_path: Path) -> None:
    async with anvil(tmp_path, "--slots-in-an-epoch", "1") as node:
        receipt = await mined(node, to="0x" + "aa" * 20, value="0x1")
        head = await node.call("eth_getBlockByHash", receipt["blockHash"], True)
        # It tells no milliseconds, and its mixHash is random: they must not be read from there.
        assert "milliTimestamp" not in head
        receipts, peers = await node.batch(
            [Request("eth_getBlockReceipts", (head["hash"],)), Request("net_peerCount")]
        )
        assert receipts[0]["blockHash"] == head["hash"]
        assert is_unsupported(peers)
        await node.call("anvil_mine", "0x5")
        final = await node.call("eth_getBlockByNumber", "finalized", False)
        assert int(final["number"], 16) == 4


async def test_by_arrival_no_transaction_is_lost_to_a_dearer_one_behind_it(
    tmp_path: Path,
) -> None:
    async with anvil(tmp_path, "--no-mining", "--order", "fifo") as node:
        accounts = await node.call("eth_accounts")
        for nonce in range(8):
            for place, who in enumerate(accounts):
                fields = {"from": who, "to": who, "gas": "0x5208", "nonce": hex(nonce)}
                price = hex(10**9 * (1 + (nonce * 5 + place) % 7))
                await node.call("eth_sendTransaction", fields | {"gasPrice": price})
            if nonce % 3 == 2:
                await node.call("evm_mine")
        await node.call("evm_mine")
        count = [Request("eth_getTransactionCount", (who, "latest")) for who in accounts]
        assert await node.batch(count) == ["0x8"] * len(accounts)
