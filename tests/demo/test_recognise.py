"""`dexwatch init` finds out by itself what stands at the addresses of a real exchange."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dexwatch.cli import app
from dexwatch.cli.draft import Contract, Pool
from dexwatch.cli.probing import recognise
from dexwatch.demo.chain.start import SampleChain
from dexwatch.settings import load

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_pools_are_told_apart_with_tokens_and_fee(chain: SampleChain) -> None:
    node, pools = chain.handle.nodes[0], chain.handle.deployment.pools

    for name, expected in pools.items():
        found = await recognise.contract(node.http, expected.address, name=name)
        assert isinstance(found, Pool)
        assert (found.kind, found.token0.symbol, found.token1.symbol, found.fee_bps) == (
            expected.kind,
            expected.token0,
            expected.token1,
            expected.fee_bps,
        )


async def test_contract_that_can_pause_is_told_from_an_empty_address(chain: SampleChain) -> None:
    node, router = chain.handle.nodes[0], chain.handle.deployment.router

    found = await recognise.contract(node.http, router, name="router")
    nothing = await recognise.contract(node.http, "0x" + "12" * 20, name="nothing")

    assert found == Contract("router", router, pausable=True)
    assert nothing is None


async def test_init_writes_a_configuration_of_the_exchange_that_it_found(
    chain: SampleChain, tmp_path: Path
) -> None:
    pool = chain.handle.deployment.pools["WBNB/USDT"]
    file, nobody = tmp_path / "dexwatch.yml", "0x" + "12" * 20
    arguments = ["init", str(file), "--yes", "--rpc", chain.handle.nodes[0].http]

    shown = await asyncio.to_thread(
        CliRunner().invoke, app, [*arguments, "--contract", pool.address, "--contract", nobody]
    )

    assert shown.exit_code == 0, shown.output
    settings = load(file)
    assert settings.chain is not None
    assert settings.chain.chain_id == chain.handle.chain_id
    assert [p.name for p in settings.dex.pools] == ["WBNB/USDT"]
    assert settings.dex.contracts == ()
    assert f"{nobody}: no contract is there" in file.read_text()
