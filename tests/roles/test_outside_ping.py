"""The real respond role pings a real server outside, and falls silent with whatever it needs."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx

from tests.fakes.alerts import payload, webhook_alert
from tests.fakes.databases import postgresql
from tests.fakes.foreign_page import server
from tests.fakes.need import free_port
from tests.fakes.patience import until
from tests.fakes.pinging_role import PING_SECONDS

PROVES = ("U-DEADMAN",)

ROOT = Path(__file__).parents[2]
TOKEN = "a-long-enough-token-for-tests"
SILENCE = 10 * PING_SECONDS
BEAT = payload(webhook_alert("Watchdog", "none"))


class World:
    """The role, the service outside that it pings, and the Alertmanager that tells it Watchdog."""

    def __init__(self, pings: list[str], process: subprocess.Popen[bytes]) -> None:
        self.pings = pings
        self.process = process

    async def pings_come(self) -> None:
        before = len(self.pings)
        await until(lambda: len(self.pings) > before + 1, seconds=30, why="pings come")

    async def pings_stay_away(self) -> None:
        """Let what is on its way arrive, then listen for as long as many pings would take."""
        await asyncio.sleep(SILENCE)
        before = len(self.pings)
        await asyncio.sleep(SILENCE)
        assert len(self.pings) == before


async def beats(port: int) -> None:
    """Tell Watchdog for ever; whether anybody listens is the role's matter."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}) as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await client.post(f"http://127.0.0.1:{port}/hooks/alertmanager", json=BEAT)
            await asyncio.sleep(PING_SECONDS)


@asynccontextmanager
async def world(folder: Path, database: str = "") -> AsyncIterator[World]:
    port, file = free_port(), folder / "dexwatch.yml"
    with server() as (outside, pings), (folder / "role.log").open("wb") as log:
        file.write_text(
            f"name: ana-dex\nbase_port: {free_port()}\n"
            f"respond: {{hook_token: {TOKEN}, port: {port}, dead_man_seconds: 6}}\n"
            f"daemons: {{deadman: {{outside_url: '{outside}'}}}}\n"
            + (f"storage: {{url: '{database}'}}\n" if database else "")
        )
        argv = (sys.executable, "-m", "tests.fakes.pinging_role", str(file))
        process = await asyncio.to_thread(subprocess.Popen, argv, cwd=ROOT, stderr=log)
        beating = asyncio.create_task(beats(port))
        try:
            yield World(pings, process)
        finally:
            beating.cancel()
            process.kill()
            process.wait()
            await asyncio.gather(beating, return_exceptions=True)


async def test_the_service_outside_hears_no_more_of_a_role_that_was_killed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.pings_come()

        w.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(w.process.wait)

        await w.pings_stay_away()


async def test_the_service_outside_hears_nothing_while_postgresql_is_gone(tmp_path: Path) -> None:
    with ExitStack() as database:
        address = await asyncio.to_thread(database.enter_context, postgresql())
        async with world(tmp_path, address) as w:
            await w.pings_come()

            await asyncio.to_thread(database.close)

            await w.pings_stay_away()
            assert w.process.poll() is None, "the role goes on, and tells nobody outside"
