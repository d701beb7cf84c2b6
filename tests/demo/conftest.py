"""One real chain for all tests of the sample: anvil, contracts, gateways, traders."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.chain.compile import home
from dexwatch.demo.chain.start import SampleChain, sample_chain
from dexwatch.demo.config import Options, Ports
from tests.fakes.chain_talk import present


@pytest.fixture(scope="session")
def _set_up() -> None:
    present(home() / "bin" / "anvil")
    present(home() / "artefacts" / "PancakeV3Pool.json")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chain(
    _set_up: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SampleChain]:
    folder: Path = tmp_path_factory.mktemp("chain")
    async with (
        Supervisor(folder) as programs,
        sample_chain(programs, Ports(), Options(trades_per_block=1.0)) as running,
    ):
        yield running
    await asyncio.sleep(0)
