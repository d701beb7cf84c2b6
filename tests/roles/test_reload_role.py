"""A role takes new settings in its own process, or goes on with the last good ones."""

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dexwatch.roles.registry import WATCH, RoleSpec
from dexwatch.roles.reload import role as reload_role
from dexwatch.roles.reload.answer import Answer, answered, ask, process_mark
from dexwatch.roles.reload.in_use import InUse
from dexwatch.roles.reload.role import answer_name, order_name, run_with_reload
from dexwatch.settings import Settings, load
from dexwatch.settings.snapshot import Configuration

TEXT = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"


class Rig:
    """A role that notes with which settings it runs, and how a reload is answered."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "dexwatch.yml"
        self.file.write_text(TEXT)
        self.configuration = Configuration(self.file, load(self.file), secrets=())
        self.began: list[int] = []
        self.ended: list[int] = []
        self.spec: RoleSpec = dataclasses.replace(WATCH, load=lambda: self.run)
        self.stop, self.again = asyncio.Event(), asyncio.Event()

    async def run(self, settings: Settings, stop: asyncio.Event) -> None:
        if settings.watch.max_series == 13:
            raise OSError("the port is taken")
        self.began.append(settings.watch.max_series)
        await stop.wait()
        self.ended.append(settings.watch.max_series)

    async def reload(self, more: str) -> Answer:
        run = self.configuration.current.settings.folder / "run"
        (run / answer_name(self.spec)).unlink(missing_ok=True)
        self.file.write_text(TEXT + more)
        self.again.set()
        async with asyncio.timeout(20):
            while (given := answered(run, name=answer_name(self.spec))) is None:
                await asyncio.sleep(0.01)
        return given


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(reload_role, "TRIAL_SECONDS", 0.1)
    return Rig(tmp_path)


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    task = asyncio.create_task(
        run_with_reload(rig.spec, rig.configuration, stop=rig.stop, again=rig.again)
    )
    try:
        yield
    finally:
        rig.stop.set()
        await asyncio.wait_for(task, 10)


async def test_role_begins_anew_with_what_changed(rig: Rig) -> None:
    async with running(rig):
        given = await rig.reload("watch: {max_series: 50}\n")

        assert (given.good, given.changed, given.version) == (True, ["watch"], 2)
        assert (rig.began, rig.ended) == ([2000, 50], [2000])
    assert rig.ended == [2000, 50]


async def test_role_goes_on_untouched_when_nothing_of_its_own_changed(rig: Rig) -> None:
    async with running(rig):
        given = await rig.reload("rules: {disable: [CpuHigh]}\n")

        assert given.good
        assert (rig.began, rig.ended) == ([2000], [])


async def test_broken_file_changes_nothing_and_is_told(rig: Rig) -> None:
    async with running(rig):
        given = await rig.reload("watch: {max_series: many}\n")

        assert not given.good
        assert f"{rig.file}:3: watch.max_series" in given.problems[0]
        assert (rig.began, rig.ended) == ([2000], [])
        assert rig.configuration.current.version == 1


async def test_role_that_does_not_come_up_begins_again_with_the_last_good_one(rig: Rig) -> None:
    async with running(rig):
        given = await rig.reload("watch: {max_series: 13}\n")

        assert not given.good
        assert "the port is taken" in given.problems[0]
        assert rig.began == [2000, 2000]


async def test_port_stays_until_a_restart(rig: Rig) -> None:
    async with running(rig):
        given = await rig.reload("watch: {port: 7000, max_series: 60}\n")

        assert given.good
        assert rig.configuration.current.settings.watch.port == 8910
        assert rig.began == [2000, 60]


@pytest.mark.parametrize("word", ["take", "back"])
async def test_order_that_came_while_the_process_began_is_an_order(rig: Rig, word: str) -> None:
    former = rig.file.read_text()
    run = rig.configuration.current.settings.folder / "run"
    in_use = InUse(run, {rig.file: former})
    in_use.offer({rig.file: f"{former}watch: {{max_series: 50}}\n"})
    order = f"{word} 1 {process_mark(os.getpid())}"
    ask(run, order, name=order_name(rig.spec))

    async with running(rig):
        given = await rig.reload("watch: {max_series: 60}\n")

        assert (given.good, given.id) == (True, order)
        assert rig.began == ([2000, 50] if word == "take" else [2000])


async def test_order_for_an_earlier_process_is_none(rig: Rig) -> None:
    run = rig.configuration.current.settings.folder / "run"
    run.mkdir(parents=True)
    ask(run, f"back 1 {process_mark(1)}", name=order_name(rig.spec))

    async with running(rig):
        given = await rig.reload("watch: {max_series: 60}\n")

        assert given.good
        assert rig.began == [2000, 60]


async def test_mistake_of_the_role_itself_ends_it(rig: Rig) -> None:
    async def fail(settings: Settings, stop: asyncio.Event) -> None:
        raise RuntimeError("a mistake of ours")

    spec = dataclasses.replace(WATCH, load=lambda: fail)

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        await run_with_reload(spec, rig.configuration, stop=rig.stop, again=rig.again)
