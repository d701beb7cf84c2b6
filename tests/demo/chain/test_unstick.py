"""An account whose transactions wait for one that never comes is freed."""

import pytest

from dexwatch.demo.chain.rpc import Rpc
from dexwatch.demo.chain.start import SampleChain
from dexwatch.demo.chain.unstick import Unsticker

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_gap_in_the_nonces_is_cleared_at_the_second_look(chain: SampleChain) -> None:
    rpc, who = Rpc(chain.handle.anvil), chain.handle.deployment.desk[3]
    freed: list[str] = []
    unsticker = Unsticker(rpc, freed.append)
    try:
        nonce = int(await rpc.call("eth_getTransactionCount", who, "latest"), 16)
        fields = {"from": who, "to": who, "gas": hex(21_000), "gasPrice": hex(10**9)}
        await rpc.call("eth_sendTransaction", fields | {"nonce": hex(nonce + 5)})
        await unsticker.look()
        assert who not in freed
        await unsticker.look()
        assert who in freed
        assert int((await rpc.call("txpool_status"))["queued"], 16) == 0
    finally:
        await rpc.close()
