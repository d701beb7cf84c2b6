"""`dexwatch demo` leaves nothing behind, whether it is asked to end or killed.

The file comes first by its name, so that no other platform runs beside the ones it starts.
"""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from dexwatch.daemons.reaper import start_time, tree

pytestmark = [pytest.mark.flow, pytest.mark.timeout(300)]

READY_SECONDS = 120.0
CTRL_C_SECONDS = 10.0
KILLED_SECONDS = 20.0
"""The programs get their usual time to end in order: PostgreSQL, for one, closes its files."""


@dataclass
class Demo:
    """A running `dexwatch demo`, as somebody at a terminal has it."""

    process: asyncio.subprocess.Process
    console: str
    family: tuple[tuple[int, str], ...]
    """Everything that it started, directly or not: process id and start time."""
    roots: tuple[Path, ...]
    """Folders that it made outside its own."""

    def alive(self) -> list[str]:
        """Return the command lines of those that still run."""
        running = [pid for pid, started in self.family if start_time(pid) == started]
        return [f"{pid} {_command(pid)}" for pid in running]

    async def gone(self, seconds: float) -> float | None:
        """Wait until nothing of it runs; return the seconds that it took, None if too many."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self.process.returncode is not None and not self.alive():
                return time.monotonic() - began
            await asyncio.sleep(0.05)
        return None


@pytest_asyncio.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """Start the demonstration in a session of its own and wait until it says where it is."""
    folder = tmp_path / "demo"
    argv = (sys.executable, "-m", "dexwatch", "demo", "--folder", str(folder))
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    try:
        console = await asyncio.wait_for(_console(process), READY_SECONDS)
        family = tuple(tree(process.pid, start_time(process.pid)))
        roots = [Path(note.read_text()) for note in folder.rglob("exchange.root")]
        yield Demo(process, console, family, tuple(roots))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_ctrl_c_ends_everything_within_seconds(demo: Demo) -> None:
    # Two supervisors, their reapers, five servers, three applications, ten of dexwatch at least.
    assert len(demo.family) > 20
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{demo.console}/healthz")).status_code == 200

    # A terminal signals the whole foreground group.
    os.killpg(demo.process.pid, signal.SIGINT)
    took = await demo.gone(CTRL_C_SECONDS)

    assert took is not None, f"still running: {demo.alive()}"
    assert demo.process.returncode == 0
    assert not [root for root in demo.roots if root.exists()]


async def test_killed_it_takes_everything_with_it(demo: Demo) -> None:
    demo.process.kill()
    took = await demo.gone(KILLED_SECONDS)
    assert took is not None, f"still running: {demo.alive()}"


async def _console(process: asyncio.subprocess.Process) -> str:
    """Read on until the address of the console was printed."""
    assert process.stdout is not None
    said = []
    async for line in process.stdout:
        said.append(line.decode())
        found = re.search(r"console\s+(http://127\.0\.0\.1:\d+)", said[-1])
        if found:
            return found[1]
    raise AssertionError(f"it ended: {''.join(said)}")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:120]
    except OSError:
        return "ended just now"
