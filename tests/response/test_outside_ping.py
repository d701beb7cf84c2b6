"""A ping goes outside only after Watchdog has come and the store, the worker and the look work."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from dexwatch.clock import now
from dexwatch.response import self_metrics
from dexwatch.response.config import RespondConfig
from dexwatch.response.liveness.outside import OutsideService
from dexwatch.response.respond import Respond
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.store import open_store
from tests.fakes.alerts import POLICY
from tests.fakes.databases import postgresql
from tests.fakes.patience import until

pytestmark = pytest.mark.slow

PROVES = ("U-DEADMAN",)


class Nothing:
    """An Alertmanager without alerts."""

    async def alerts(self, *, receiver: str = "") -> tuple[()]:
        return ()


class World:
    """The role at work, with an ear outside."""

    def __init__(self) -> None:
        self.pings = 0
        self.beating = True
        self.takes = True

    async def ping(self) -> None:
        if not self.takes:
            raise OSError("https://pings.example/a-secret refuses")
        self.pings += 1

    def value(self, name: str, **labels: str) -> float | None:
        for sample in self.role.samples():
            if sample.metric.name == name and dict(sample.labels) == labels:
                return float(sample.value)
        return None

    async def more(self) -> None:
        """Wait until pings come."""
        before = self.pings
        await until(lambda: self.pings > before + 1, seconds=30)

    async def stopped(self) -> None:
        """Wait until looks are withheld, or the store is known to be away; then none may come."""
        before = self.value("dexwatch_outside_pings_total", outcome="withheld") or 0
        await until(
            lambda: (
                (self.value("dexwatch_outside_pings_total", outcome="withheld") or 0) > before + 1
                or self.value("dexwatch_store_up") == 0.0
            ),
            seconds=30,
        )


@asynccontextmanager
async def running(url: str, ping: bool = True) -> AsyncIterator[World]:
    world = World()
    store = await open_store(url)
    config = RespondConfig(
        hook_token=SecretStr("x" * 20), dead_man_seconds=6, dead_man_grace_seconds=6
    )
    world.role = Respond(
        store,
        {},
        config,
        policy=POLICY,
        view=Nothing(),
        outside=OutsideService(world.ping, 0.2) if ping else None,
    )
    stop = asyncio.Event()

    async def beat() -> None:
        while not stop.is_set():
            if world.beating:
                with contextlib.suppress(StoreUnavailableError):
                    await world.role.heard("alertmanager", now())
            await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(world.role.run(stop)), asyncio.create_task(beat())]
    try:
        yield world
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        await store.close()


def sqlite(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'd.sqlite'}"


async def test_pings_stop_with_the_signal_and_go_on_with_it(tmp_path: Path) -> None:
    async with running(sqlite(tmp_path)) as world:
        await world.more()
        world.beating = False
        await world.stopped()
        before = world.pings
        await world.stopped()
        assert world.pings == before
        world.beating = True
        await world.more()


async def test_pings_stop_while_the_file_cannot_be_written(tmp_path: Path) -> None:
    async with running(sqlite(tmp_path)) as world:
        await world.more()
        await until(lambda: world.value("dexwatch_store_up") == 1.0, seconds=10)
        assert world.value("dexwatch_jobs_overdue") is not None
        with contextlib.closing(
            sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None, check_same_thread=False)
        ) as other:
            # In a thread: a transaction under way here can only end while our loop goes on.
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            before = world.pings + 1
            await until(lambda: world.value("dexwatch_store_up") == 0.0, seconds=40)
            assert world.pings <= before
            assert world.value("dexwatch_jobs_overdue") is None
            assert world.value("dexwatch_incidents_open", severity="P0") is None
            other.execute("ROLLBACK")
        await world.more()
        await until(lambda: world.value("dexwatch_store_up") == 1.0, seconds=40)


async def test_pings_go_on_when_the_database_was_dropped_and_made_anew() -> None:
    with postgresql() as server:
        administrator = create_async_engine(server, isolation_level="AUTOCOMMIT")
        async with administrator.connect() as by_hand:
            await by_hand.execute(text("CREATE DATABASE d"))
            async with running(server.rpartition("/")[0] + "/d") as world:
                await world.more()
                await by_hand.execute(text("DROP DATABASE d WITH (FORCE)"))
                await until(lambda: world.value("dexwatch_store_up") == 0.0, seconds=40)
                await by_hand.execute(text("CREATE DATABASE d"))
                await world.more()
                await until(lambda: world.value("dexwatch_store_up") == 1.0, seconds=40)
        await administrator.dispose()


async def test_a_ping_that_is_not_taken_is_counted_and_tried_again(tmp_path: Path) -> None:
    with capture_logs() as told:
        async with running(sqlite(tmp_path)) as world:
            world.takes = False
            await until(
                lambda: (world.value("dexwatch_outside_pings_total", outcome="failed") or 0) > 1,
                seconds=30,
            )
            world.takes = True
            await world.more()
    assert any(entry["event"] == "outside_ping.failed" for entry in told)
    # The address is a secret, and the error quotes it.
    assert "a-secret" not in str(told)


async def test_without_an_address_nothing_is_overdue(tmp_path: Path) -> None:
    async with running(sqlite(tmp_path), ping=False) as world:
        await until(lambda: world.value("dexwatch_store_up") == 1.0, seconds=10)
        assert world.value("dexwatch_outside_pings_total", outcome="withheld") == 0
        assert world.value("dexwatch_jobs_overdue") == 0


async def test_a_store_that_neither_answers_nor_refuses_counts_as_away() -> None:
    seconds = 100.0
    metrics = self_metrics.SelfMetrics(steady=lambda: seconds)

    def up() -> float:
        return next(s.value for s in metrics.samples() if s.metric.name == "dexwatch_store_up")

    assert up() == 0.0
    metrics.counted(self_metrics.Counts(open={}, overdue=0))
    assert up() == 1.0
    seconds = 200.0
    assert up() == 0.0
