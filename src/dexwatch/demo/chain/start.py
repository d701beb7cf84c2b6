"""Start the sample's chain: anvil, contracts, two node gateways, traders."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from dexwatch.daemons.paths import home
from dexwatch.daemons.program import Port, Program, TcpReady
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.chain.accounts import Accounts
from dexwatch.demo.chain.compile import load_artefacts
from dexwatch.demo.chain.deploy import deploy
from dexwatch.demo.chain.handle import ChainHandle, Node
from dexwatch.demo.chain.rpc import Rpc
from dexwatch.demo.config import Options, Ports
from dexwatch.demo.node.gateway import Gateway
from dexwatch.demo.node.heads import Heads
from dexwatch.demo.node.rpc_proxy import RpcProxy
from dexwatch.demo.trading.population import Population
from dexwatch.demo.trading.traders import Traders

CHAIN_ID = 56
NODES = ("node-a", "node-b", "node-platform")
GAS_LIMIT = 55_000_000  # BSC's clients default to this since v1.7.
KEPT_STATES, KEPT_BLOCKS = 64, 2000


@dataclass(frozen=True)
class SampleChain:
    """The running chain and its traders."""

    handle: ChainHandle
    traders: Traders
    heads: Heads


@asynccontextmanager
async def sample_chain(
    programs: Supervisor, ports: Ports, options: Options
) -> AsyncIterator[SampleChain]:
    """Run the chain until the block is left; anvil itself belongs to the supervisor.

    Raises:
        ArtefactError: set-up has not been run.
        DaemonError: anvil does not start.
    """
    port = ports.take("anvil")
    artefacts = await asyncio.to_thread(load_artefacts)
    await programs.start([anvil(port, options)])
    url = f"http://127.0.0.1:{port}"
    rpc = Rpc(url)
    heads = Heads(f"ws://127.0.0.1:{port}")
    tasks: list[asyncio.Task[None]] = [asyncio.create_task(heads.run(), name="heads")]
    try:
        accounts = Accounts.of(await rpc.call("eth_accounts"))
        deployment = await deploy(rpc, artefacts, accounts)
        proxies = [RpcProxy(name, heads, anvil=url, chain_id=CHAIN_ID, limit=8) for name in NODES]
        nodes = []
        for proxy in proxies:
            port = ports.take(proxy.name)
            tasks.append(asyncio.create_task(Gateway(proxy, port).run(), name=proxy.name))
            address = f"127.0.0.1:{port}"
            nodes.append(Node(proxy.name, f"http://{address}", f"ws://{address}", proxy.faults))
        population = Population(
            deployment,
            accounts,
            seed=options.seed,
            trades_per_block=options.trades_per_block,
            day_blocks=int(options.day_seconds * 1000 / options.block_interval_ms),
        )
        traders = Traders(rpc, heads, population)
        tasks.append(asyncio.create_task(traders.run(), name="traders"))
        handle = ChainHandle(
            chain_id=CHAIN_ID,
            anvil=url,
            nodes=tuple(nodes[:-1]),
            platform=nodes[-1],
            deployment=deployment,
        )
        await _answering(nodes)
        yield SampleChain(handle, traders, heads)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5)
        await rpc.close()


def anvil(port: int, options: Options) -> Program:
    """Return the program: one block every interval, a bounded memory, accounts by the seed."""
    binary = (home() / "bin" / "anvil").resolve()
    argv: Mapping[str, object] = {
        "--port": port,
        "--chain-id": CHAIN_ID,
        "--block-time": options.block_interval_ms / 1000,
        "--accounts": Accounts.COUNT,
        "--balance": 10_000_000,
        "--mnemonic-seed-unsafe": options.seed,
        "--block-base-fee-per-gas": 0,
        "--gas-limit": GAS_LIMIT,
        "--hardfork": "prague",
        "--prune-history": KEPT_STATES,
        "--transaction-block-keeper": KEPT_BLOCKS,
        "--threads": 2,
        # By fees anvil drops a transaction whose sender pays more for the one after it.
        "--order": "fifo",
    }
    words = [str(word) for pair in argv.items() for word in pair]
    return Program(
        name="anvil",
        argv=(str(binary), "--quiet", *words),
        ports=(Port("the sample's anvil", port),),
        ready=TcpReady(port),
        stop_seconds=2.0,
        package="@foundry-rs/anvil (npm), installed by `make setup`",
    )


async def _answering(nodes: list[Node]) -> None:
    """Wait until every gateway answers and a head was seen.

    Raises:
        TimeoutError: that takes more than ten seconds.
    """
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    async with httpx.AsyncClient(timeout=2) as client, asyncio.timeout(10):
        for node in nodes:
            while True:
                with contextlib.suppress(httpx.HTTPError, ValueError):
                    if (await client.post(node.http, json=body)).json()["result"] != "0x0":
                        break
                await asyncio.sleep(0.05)
