"""Where one role or daemon refuses a change, all that took it before go back."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from dexwatch.daemons.program import File, Program
from dexwatch.daemons.supervisor import Supervisor
from dexwatch.roles.registry import RESPOND
from dexwatch.roles.reload import supervisor as reload_supervisor
from dexwatch.roles.reload.in_use import InUse, Texts
from dexwatch.roles.reload.role import order_name
from dexwatch.roles.reload.supervisor import Reloading
from dexwatch.settings import Settings, load
from dexwatch.settings.document import read_texts
from dexwatch.settings.snapshot import Configuration
from tests.fakes.patience import until
from tests.fakes.role_process import REFUSED, journal

ROOT = Path(__file__).parents[2]
SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


class Ground:
    """Two roles and two daemons below a real supervisor."""

    def __init__(self, folder: Path, supervisor: Supervisor) -> None:
        self.file, self.folder = folder / "dexwatch.yml", folder / "dexwatch-state"
        self.write()
        settings = load(self.file)
        self.supervisor = supervisor
        self.configuration = Configuration(self.file, settings, secrets=())
        self.reloading = Reloading(
            supervisor,
            self.configuration,
            plan=self.plan,
            in_use=InUse(self.folder / "run", read_texts(self.file)),
        )
        self.added = SLEEP

    def write(self, *, watch: int = 2000, respond: int = 30) -> None:
        self.file.write_text(
            "name: ana-dex\n"
            f"respond: {{hook_token: a-long-enough-token-for-tests, keep_events_days: {respond}}}\n"
            f"watch: {{max_series: {watch}}}\n"
        )

    def plan(self, settings: Settings) -> tuple[Program, ...]:
        """Beside the roles, one daemon holds a figure in a file, one comes, one goes."""
        figure = settings.watch.max_series
        own = File("own.conf", f"{figure}\n")
        holds = Program("holds", SLEEP, folder=self.folder / "etc", files=(own,))
        other = Program("goes", SLEEP) if figure == 2000 else Program("comes", self.added)
        return (holds, other)

    def role(self, name: str) -> Program:
        run = str(self.folder / "run")
        argv = (sys.executable, "-m", "tests.fakes.role_process", name, str(self.file), run)
        return Program(name, argv, cwd=ROOT, env=dict(os.environ))

    @property
    def running(self) -> set[str]:
        return {state.name for state in self.supervisor.states() if state.pid is not None}

    @property
    def held(self) -> str:
        return (self.folder / "etc" / "own.conf").read_text().strip()


@pytest_asyncio.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async with Supervisor(tmp_path / "dexwatch-state") as supervisor:
        made = Ground(tmp_path, supervisor)
        await supervisor.start(made.plan(made.configuration.current.settings))
        await supervisor.start(made.role(name) for name in ("watch", "respond"))
        await until(begun(made, watch=[2000], respond=[30]))
        yield made


def begun(ground: Ground, **figures: list[int]) -> Callable[[], bool]:
    """Tell whether the roles have begun with just these figures, one after the other."""
    return lambda: all(journal(ground.folder, name) == want for name, want in figures.items())


async def test_change_that_all_take_is_in_use_everywhere(ground: Ground) -> None:
    ground.write(watch=50, respond=40)

    given = await ground.reloading.reload()

    assert (given.good, given.back, given.kept) == (True, (), ())
    assert set(given.changed) == {"holds", "comes", "goes", "watch", "respond"}
    assert begun(ground, watch=[2000, 50], respond=[30, 40])()
    assert ground.running == {"holds", "comes", "watch", "respond"}


async def test_role_that_refuses_takes_the_others_back_with_it(ground: Ground) -> None:
    ground.write(watch=50, respond=REFUSED)

    given = await ground.reloading.reload()

    assert not given.good
    assert given.problems == ["respond does not come up with it: the port is taken"]
    assert set(given.back) == {"watch", "holds", "comes"}
    assert list(given.kept) == []
    assert begun(ground, watch=[2000, 50, 2000], respond=[30, 30])()
    assert ground.held == "2000"
    assert ground.running == {"holds", "goes", "watch", "respond"}
    assert ground.configuration.current.version == 1


async def test_mended_configuration_is_taken_after_a_refused_one(ground: Ground) -> None:
    ground.write(watch=50, respond=REFUSED)
    await ground.reloading.reload()
    ground.write(watch=60, respond=40)

    given = await ground.reloading.reload()

    assert given.good
    assert begun(ground, watch=[2000, 50, 2000, 60], respond=[30, 30, 40])()
    assert ground.held == "60"


async def test_role_that_cannot_go_back_is_named_with_what_it_keeps(ground: Ground) -> None:
    (ground.folder / "stuck").write_text("watch 2000")
    ground.write(watch=50, respond=REFUSED)

    given = await ground.reloading.reload()

    assert not given.good
    assert given.kept == ["watch does not come up with it: the port is taken"]
    assert set(given.back) == {"holds", "comes"}
    await until(begun(ground, watch=[2000, 50, 50], respond=[30, 30]))


async def test_role_that_says_nothing_takes_the_others_back(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload_supervisor, "ROLE_SECONDS", 2.0)
    ground.supervisor.send("respond", signal.SIGSTOP)
    ground.write(watch=50, respond=40)

    given = await ground.reloading.reload()

    assert given.problems == ["respond has not said within 2 s how it went"]
    assert "watch" in given.back
    assert given.kept == ["respond has not said within 2 s how it went"]
    ground.supervisor.send("respond", signal.SIGCONT)
    # The newest order is to go back, whatever it missed meanwhile.
    await until(begun(ground, watch=[2000, 50, 2000], respond=[30]))


async def test_role_that_cannot_be_told_takes_the_others_back(ground: Ground) -> None:
    (ground.folder / "run" / order_name(RESPOND)).mkdir()
    ground.write(watch=50, respond=40)

    given = await ground.reloading.reload()

    assert given.problems == ["respond cannot be told (Is a directory)"]
    assert set(given.back) == {"watch", "holds", "comes"}
    assert list(given.kept) == given.problems
    assert begun(ground, watch=[2000, 50, 2000], respond=[30])()
    assert ground.held == "2000"


async def test_daemon_that_does_not_start_takes_the_others_back(ground: Ground) -> None:
    ground.added = ("/nowhere/at-all",)
    ground.write(watch=50)

    given = await ground.reloading.reload()

    assert not given.good
    assert begun(ground, watch=[2000], respond=[30])()
    assert ground.held == "2000"
    assert {state.name for state in ground.supervisor.states()} == {
        "holds",
        "goes",
        "watch",
        "respond",
    }


async def test_role_that_ends_after_a_refused_change_begins_with_the_last_good_settings(
    ground: Ground,
) -> None:
    ground.write(watch=50, respond=REFUSED)
    assert not (await ground.reloading.reload()).good

    ground.supervisor.send("watch", signal.SIGKILL)
    ground.supervisor.send("respond", signal.SIGKILL)

    await until(begun(ground, watch=[2000, 50, 2000, 2000], respond=[30, 30, 30]))


async def test_role_that_ends_after_an_edit_that_was_not_taken_begins_as_it_was(
    ground: Ground,
) -> None:
    ground.write(watch=50)
    assert (await ground.reloading.reload()).good
    ground.file.write_text("name: [")

    ground.supervisor.send("watch", signal.SIGKILL)

    await until(begun(ground, watch=[2000, 50, 50], respond=[30]))


async def test_role_that_ends_while_a_change_is_taken_keeps_all_as_it_was(ground: Ground) -> None:
    ground.supervisor.send("respond", signal.SIGSTOP)
    ground.write(watch=50)
    reloading = asyncio.create_task(ground.reloading.reload())
    await until(begun(ground, watch=[2000, 50]))

    ground.supervisor.send("watch", signal.SIGKILL)
    ground.supervisor.send("respond", signal.SIGCONT)
    given = await reloading
    await until(begun(ground, watch=[2000, 50, 2000]))

    assert given.problems == ["watch has ended meanwhile: reload again"]
    assert list(given.kept) == []
    assert ground.held == "2000"


async def test_role_that_began_just_before_a_change_was_kept_begins_again_with_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ground.reloading._in_use.take

    def begins_first(texts: Texts) -> None:
        ground.supervisor.send("watch", signal.SIGKILL)
        until_begun(ground, watch=[2000, 50, 2000])
        take(texts)

    monkeypatch.setattr(ground.reloading._in_use, "take", begins_first)
    ground.write(watch=50)

    assert (await ground.reloading.reload()).good
    await until(begun(ground, watch=[2000, 50, 2000, 50]))


def until_begun(ground: Ground, **figures: list[int]) -> None:
    deadline = time.monotonic() + 30
    while not begun(ground, **figures)():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_role_that_begins_again_while_the_others_go_back_is_left_alone(
    ground: Ground,
) -> None:
    former = ground.supervisor.state("watch").pid
    ground.supervisor.send("respond", signal.SIGSTOP)
    ground.write(watch=50)
    reloading = asyncio.create_task(ground.reloading.reload())
    await until(begun(ground, watch=[2000, 50]))

    ground.supervisor.send("watch", signal.SIGKILL)
    await until(lambda: ground.supervisor.state("watch").pid not in (None, former))
    ground.supervisor.send("respond", signal.SIGCONT)

    assert not (await reloading).good
    await until(begun(ground, watch=[2000, 50, 2000]))
    assert ground.supervisor.state("watch").restarts == 1


async def test_roles_take_the_text_that_was_judged_whatever_the_files_say_by_then(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edited_meanwhile(settings: Settings) -> tuple[Program, ...]:
        ground.write(watch=60, respond=50)
        return ground.plan(settings)

    monkeypatch.setattr(ground.reloading, "_plan", edited_meanwhile)
    ground.write(watch=50, respond=40)

    assert (await ground.reloading.reload()).good
    assert begun(ground, watch=[2000, 50], respond=[30, 40])()
    assert ground.held == "50"
