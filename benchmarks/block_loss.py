"""Is any block lost at BNB Smart Chain's speed and load, and what does watching cost?

Ten minutes of 450 ms blocks with 60 or more transactions each, on the sample chain.
What the chain produced is asked of the node itself, past dexwatch;
what dexwatch saw and evaluated is read from the watch role's own /metrics.

    python benchmarks/block_loss.py [SECONDS]
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import httpx

from _rig import cpu_seconds, free_ports, report
from dexwatch.daemons.program import HttpReady, Program
from dexwatch.daemons.programs.secrets import kept
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.demo.config import Options
from dexwatch.demo.run import sample
from dexwatch.settings import load
from tests.fakes.flood import flood

SECONDS = 600.0
TRANSACTIONS = 62
"""BNB Smart Chain had 62.9 transactions a block in a measured hour of September 2026."""
WARM_SECONDS = 15.0
DRAIN_SECONDS = 3.0
PEER_SHARE = 33 / 133
"""OpenZeppelin Monitor's shipped BSC settings look at 33 of the 133 blocks between two ticks."""


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="dexwatch-bench-") as name:
        folder = Path(name)
        options = Options(exchange=False, console_port=free_ports(1)[0], profile="production")
        async with (
            sample(folder / "demo", options) as running,
            Supervisor(folder / "watch") as supervisor,
            httpx.AsyncClient(timeout=10, headers=_authorization(running.config)) as client,
        ):
            port = running.ports.take("watch")
            await supervisor.start([_watch(running.config, port)])
            with flood(running.chain.traders, TRANSACTIONS):
                await asyncio.sleep(WARM_SECONDS)
                pid = supervisor.state("watch").pid
                assert pid is not None
                node = running.chain.handle.nodes[0].http
                first = await _both(client, node, port)
                spent = cpu_seconds(pid)
                await asyncio.sleep(seconds)
                spent = cpu_seconds(pid) - spent
                last = await _both(client, node, port)
            transactions = await _transactions(client, node, int(first["height"]), last["height"])
            await asyncio.sleep(DRAIN_SECONDS)
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    produced = last["height"] - first["height"]
    evaluated = last["evaluated"] - first["evaluated"]
    report(
        benchmark="block_loss",
        measurement="blocks lost, of those produced at 450 ms",
        unit="blocks",
        seconds=seconds,
        produced=produced,
        produced_seen_evaluated_by_dexwatch=[
            last[stage] - first[stage] for stage in ("produced", "seen", "evaluated")
        ],
        lost=max(
            0,
            _value(text, 'bsc_blocks_total{stage="produced"}')
            - _value(text, 'bsc_blocks_total{stage="evaluated"}'),
        ),
        gaps_open=_value(text, "bsc_block_gaps_open"),
        in_flight_at_the_last_look=produced - evaluated,
        transactions_per_block=round(transactions / max(1, produced), 1),
        block_to_metric_p99_seconds=_quantile(text, "bsc_block_visible_seconds", 0.99),
        watch_cpu_share_of_one_core=round(spent / seconds, 3),
        compared_with="a poller that takes at most 33 blocks a minute (a peer's shipped settings)",
        poller_would_lose=round(produced * (1 - PEER_SHARE)),
        aim="lost 0, cpu <= 0.25",
    )


def _authorization(config: Path) -> dict[str, str]:
    settings = load(config)
    own = kept(settings.daemons, folder=settings.folder).access
    return {"authorization": own.header}


def _watch(config: Path, port: int) -> Program:
    return Program(
        name="watch",
        argv=(sys.executable, "-m", "dexwatch.roles", "watch", str(config)),
        ready=HttpReady(f"http://127.0.0.1:{port}/healthz"),
        ready_seconds=60,
    )


async def _both(client: httpx.AsyncClient, node: str, port: int) -> dict[str, int]:
    """Return the node's height and the watch role's counts, as close together as can be."""
    height, text = await asyncio.gather(
        _rpc(client, node, "eth_blockNumber"),
        client.get(f"http://127.0.0.1:{port}/metrics"),
    )
    stages = ("produced", "seen", "evaluated")
    return {
        "height": int(height, 16),
        **{s: int(_value(text.text, f'bsc_blocks_total{{stage="{s}"}}')) for s in stages},
    }


async def _transactions(client: httpx.AsyncClient, node: str, first: int, last: int) -> int:
    method = "eth_getBlockTransactionCountByNumber"
    return sum(
        [int(await _rpc(client, node, method, hex(n)), 16) for n in range(first + 1, last + 1)]
    )


async def _rpc(client: httpx.AsyncClient, node: str, method: str, *parameters: str) -> str:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    return str((await client.post(node, json=request)).json()["result"] or "0x0")


def _value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _quantile(text: str, name: str, share: float) -> float:
    """Return the upper bound of the bucket in which the quantile lies."""
    buckets = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\S+)$', text, re.MULTILINE)
    total = float(buckets[-1][1])
    return next(float(bound) for bound, count in buckets if float(count) >= share * total)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
