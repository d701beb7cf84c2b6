"""One running exchange for all tests of this folder: real anvil, PostgreSQL, Redis and nginx."""

import os
import shutil
from pathlib import Path

import pytest
import pytest_asyncio

from dexwatch.daemons.paths import home
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.chain.compile import ArtefactError
from dexwatch.demo.chain.start import sample_chain
from dexwatch.demo.config import Options, Ports
from dexwatch.demo.exchange.handle import start_exchange

NEEDED = ("nginx", "redis-server")


def _missing() -> str:
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        absent.append("postgresql")
    if not (home() / "bin" / "anvil").exists():
        absent.append("anvil")
    return ", ".join(absent)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def exchange(tmp_path_factory):
    if missing := _missing():
        reason = f"the sample exchange needs {missing}: run `make setup`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder, ports = tmp_path_factory.mktemp("sample"), Ports()
    async with Supervisor(folder) as programs:
        try:
            async with sample_chain(programs, ports, Options()) as chain:
                running = await start_exchange(chain.handle, folder, programs, ports)
                yield running
                await running.stop()
                assert not running.config.root.exists()
        except ArtefactError as error:
            pytest.skip(str(error))
