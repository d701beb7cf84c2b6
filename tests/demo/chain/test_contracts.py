"""The contracts on a real chain: trades move pools, limits hold, guardians cannot undo."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dexwatch.demo.chain.compile import compile_contracts
from dexwatch.demo.chain.deploy import E18
from dexwatch.demo.chain.rpc import Rpc, decode_output, event_topic
from dexwatch.demo.chain.start import SampleChain
from dexwatch.demo.config_file import TRADED
from dexwatch.demo.trading.quotes import read_quotes
from dexwatch.market.config import trade_layout
from tests.fakes.chain_talk import refusal, send

pytestmark = pytest.mark.asyncio(loop_scope="session")

SWAP = "(address,address,uint256,uint256,uint256,address)"
PAUSED = "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258"


@pytest_asyncio.fixture(loop_scope="session")
async def rpc(chain: SampleChain) -> AsyncIterator[Rpc]:
    client = Rpc(chain.handle.anvil)
    yield client
    await client.close()


@pytest.mark.parametrize(("pool", "method"), [("WBNB/USDT", "swapV2"), ("WBNB/USDT-V3", "swapV3")])
async def test_a_swap_through_the_router_moves_the_pool_and_tells_what_was_quoted(
    chain: SampleChain, rpc: Rpc, pool: str, method: str
) -> None:
    deployment, user = chain.handle.deployment, chain.handle.deployment.hot_wallets[0]
    before = await read_quotes(rpc, deployment)
    usdt, target = deployment.tokens["USDT"], deployment.pools[pool]
    receipt = await send(
        rpc,
        user,
        deployment.router,
        method + SWAP,
        target.address,
        usdt.address,
        50_000 * E18,
        83 * E18,
        1,
        user,
    )
    after = await read_quotes(rpc, deployment)
    assert receipt["status"] == "0x1"
    assert after.pools[pool].price > before.pools[pool].price
    signature, places, _, indexed = trade_layout(TRADED)
    [told] = [e for e in receipt["logs"] if e["topics"][0] == event_topic(signature)]
    assert told["topics"][2].endswith(target.address[2:])
    words = decode_output("uint256,uint256,uint256,uint256,uint256", told["data"])
    assert words[places["quotedout"] - indexed] == 83 * E18
    got = words[places["amountout"] - indexed]
    quoted = before.pools[pool].quote(50_000 * E18 * 0.9995, sells_token0=False)
    assert got == pytest.approx(quoted, rel=0.01)


async def test_a_trade_that_brings_less_than_its_limit_reverts(
    chain: SampleChain, rpc: Rpc
) -> None:
    deployment, user = chain.handle.deployment, chain.handle.deployment.hot_wallets[1]
    pair, usdt = deployment.pools["WBNB/USDT"].address, deployment.tokens["USDT"].address
    why = await refusal(
        rpc, user, deployment.router, "swapV2" + SWAP, pair, usdt, E18, E18, E18, user
    )
    assert "less than minOut" in why


@pytest.mark.parametrize("contract", ["router", "vault", "farm"])
async def test_the_guardian_pauses_and_cannot_unpause(
    chain: SampleChain, rpc: Rpc, contract: str
) -> None:
    deployment = chain.handle.deployment
    address, guardian = getattr(deployment, contract), deployment.guardian
    assert "not the guardian" in await refusal(rpc, deployment.hot_wallets[0], address, "pause()")
    receipt = await send(rpc, guardian, address, "pause()")
    try:
        assert receipt["logs"][0]["topics"][0] == PAUSED
        assert await rpc.view(address, "paused()(bool)") == (True,)
        assert "not the owner" in await refusal(rpc, guardian, address, "unpause()")
    finally:
        await send(rpc, deployment.owner, address, "unpause()")
    assert await rpc.view(address, "paused()(bool)") == (False,)


async def test_a_blocked_account_cannot_deposit_until_the_owner_lets_it(
    chain: SampleChain, rpc: Rpc
) -> None:
    deployment, user = chain.handle.deployment, chain.handle.deployment.hot_wallets[2]
    deposit = ("deposit(address,uint256)", deployment.tokens["USDT"].address, E18)
    await send(rpc, deployment.guardian, deployment.vault, "blockAccount(address)", user)
    assert "blocked" in await refusal(rpc, user, deployment.vault, *deposit)
    unblock = "unblockAccount(address)"
    assert "not the owner" in await refusal(
        rpc, deployment.guardian, deployment.vault, unblock, user
    )
    await send(rpc, deployment.owner, deployment.vault, unblock, user)
    assert await refusal(rpc, user, deployment.vault, *deposit) == ""


async def test_only_a_pool_in_the_middle_of_our_call_may_call_back(
    chain: SampleChain, rpc: Rpc
) -> None:
    deployment = chain.handle.deployment
    callback = "pancakeV3SwapCallback(int256,int256,bytes)"
    why = await refusal(
        rpc, deployment.hot_wallets[0], deployment.router, callback, 1, 0, b"\0" * 96
    )
    assert "unexpected callback" in why


async def test_the_vault_holds_what_it_owes(chain: SampleChain, rpc: Rpc) -> None:
    deployment = chain.handle.deployment
    usdt = deployment.tokens["USDT"].address
    owed = await rpc.view(deployment.vault, "total(address)(uint256)", usdt)
    held = await rpc.view(usdt, "balanceOf(address)(uint256)", deployment.vault)
    assert held >= owed


async def test_every_pool_is_quoted_in_the_order_of_its_name(chain: SampleChain) -> None:
    for pool in chain.handle.deployment.pools.values():
        assert pool.name.removesuffix("-V3") == f"{pool.token0}/{pool.token1}"


async def test_contracts_are_compiled_once(chain: SampleChain) -> None:
    assert compile_contracts() == compile_contracts()
