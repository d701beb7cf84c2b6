"""What dexwatch and its daemons take of the machine, without the sample exchange that they watch.

python benchmarks/footprint.py [SECONDS]
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from _rig import cpu_seconds, free_ports, memory_bytes, name_of, report, tree
from dexwatch.demo.config import Options
from dexwatch.demo.run import sample, watched

SECONDS = 600.0
AIM_MEMORY_MB = 600
AIM_CPU = 0.30


async def main(seconds: float) -> None:
    options = Options(console_port=free_ports(1)[0], profile="production")
    with tempfile.TemporaryDirectory(prefix="dexwatch-bench-") as folder:
        async with sample(Path(folder) / "demo", options) as running, watched(running):
            root = running.programs.state("dexwatch").pid
            assert root is not None
            await asyncio.sleep(60)
            before = sum(cpu_seconds(pid) for pid in tree(root))
            await asyncio.sleep(seconds - 60)
            pids = tree(root)
            cpu = (sum(cpu_seconds(pid) for pid in pids) - before) / (seconds - 60)
            each = {f"{name_of(pid)}": memory_bytes(pid) for pid in pids}
    resident = sum(rss for rss, _ in each.values()) / 1e6
    proportional = sum(pss for _, pss in each.values()) / 1e6
    report(
        benchmark="footprint",
        measurement="memory and processor of dexwatch with its daemons, production profile",
        unit="MB; share of one core",
        seconds=seconds,
        resident_mb=round(resident),
        proportional_mb=round(proportional),
        cpu_share_of_one_core=round(cpu, 3),
        by_process_resident_mb={name: round(rss / 1e6) for name, (rss, _) in each.items()},
        compared_with="the aim",
        aim=f"resident <= {AIM_MEMORY_MB} MB, cpu <= {AIM_CPU}",
        reached=resident <= AIM_MEMORY_MB and cpu <= AIM_CPU,
    )


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
