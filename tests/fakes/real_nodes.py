"""Real EVM nodes of more than one kind, each on a port of its own and with a chain of its own."""

import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx

from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.metrics.series import Series
from tests.fakes import need, patience

HOME = Path(os.environ.get("DEXWATCH_HOME", Path(__file__).parents[2] / ".dexwatch")).resolve()
HARDHAT = "node_modules/hardhat/internal/cli/bootstrap.js"
HARDHAT_CONFIG = """module.exports = {
  networks: { hardhat: { chainId: 31337, allowBlocksWithSameTimestamp: true } },
};
"""
START_SECONDS = 60.0
until = partial(patience.until, seconds=START_SECONDS)
"""Waits longer than usual: Hardhat takes many times as long on a busy machine."""

Kind = Literal["anvil", "hardhat"]
KINDS: tuple[Kind, ...] = ("anvil", "hardhat")


class RealNode:
    """A node's program, started and stopped as often as a test wants, always on the same port."""

    def __init__(self, kind: Kind, folder: Path, *options: str) -> None:
        self.kind = kind
        self._folder = folder
        self._options = options
        self._port = need.free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @asynccontextmanager
    async def endpoint(
        self, series: Series | None = None, *, push: bool = True, timeout_seconds: float = 3.0
    ) -> AsyncIterator[Endpoint]:
        """Give an endpoint of its address, whether it runs or not."""
        config = EndpointConfig(
            name="a",
            http=f"http://127.0.0.1:{self._port}",
            ws=f"ws://127.0.0.1:{self._port}" if push else None,
        )
        found = Endpoint(config, series or Series(), timeout_seconds=timeout_seconds)
        try:
            yield found
        finally:
            await found.close()

    def start(self) -> None:
        """Start it with an empty chain, and wait until it answers."""
        command, folder = getattr(self, f"_{self.kind}")()
        self._process = subprocess.Popen(
            [*command, *self._options],
            cwd=folder,
            env=os.environ | {"HOME": str(self._folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_SECONDS
        body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        while True:
            try:
                httpx.post(f"http://127.0.0.1:{self._port}", json=body).raise_for_status()
            except httpx.HTTPError:
                assert self._process.poll() is None, f"{self.kind} ended"
                assert time.monotonic() < end, f"{self.kind} did not start"
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Kill it; its chain is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _anvil(self) -> tuple[list[str], Path]:
        program = need.program("anvil", HOME / "bin")
        return [program, "--port", str(self._port), "--silent"], self._folder

    def _hardhat(self) -> tuple[list[str], Path]:
        folder = HOME / "hardhat"
        if not (folder / HARDHAT).is_file():
            need.missing(f"Hardhat is not in {folder}: run make setup-tests")
        config = self._folder / "hardhat.config.js"
        config.write_text(HARDHAT_CONFIG)
        listen = ["--hostname", "127.0.0.1", "--port", str(self._port)]
        return [need.program("node"), HARDHAT, "--config", str(config), "node", *listen], folder


async def mined(node: Endpoint, **transaction: Any) -> dict[str, Any]:
    """Send a transaction of an account of the node's and return its receipt."""
    sender = (await node.call("eth_accounts"))[0]
    sent = await node.call("eth_sendTransaction", {"from": sender, "gas": "0x30d40", **transaction})
    return await receipt_of(node, sent)


async def receipt_of(node: Endpoint, sent: str) -> dict[str, Any]:
    """Wait for the receipt: the transaction may be known before its block is made."""

    async def receipt() -> Any:
        return await node.call("eth_getTransactionReceipt", sent)

    return await until(receipt, why="the transaction is in a block")
