"""What somebody laid in the place of a file of ours is neither followed nor waited for."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dexwatch.chain.stored.block_store import BlockStore
from dexwatch.collectors.lp_checkpoint import LpCheckpoint, LpCheckpointFile
from dexwatch.daemons import files
from dexwatch.daemons.child import Log
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.pidfiles import PidFiles
from dexwatch.daemons.program import DaemonError, File, Program
from dexwatch.daemons.programs.secrets import kept
from dexwatch.roles.privileges import require_private

SECOND_NAME = "second name"
CONTENT = b"somebody else's\n" * 100

PLANTED: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda place, other: place.symlink_to(other),
    "link to nothing": lambda place, other: place.symlink_to(other.with_name("made")),
    SECOND_NAME: lambda place, other: os.link(other, place),
    "pipe": lambda place, _: os.mkfifo(place),
    "folder": lambda place, _: place.mkdir(),
}


class Planting:
    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder / "state"
        self.other = folder / "other"
        self.other.write_bytes(CONTENT)
        self.other.chmod(0o600)
        if kind == SECOND_NAME:
            # Of a file of our own, a backup makes such names.
            os.chown(self.other, 65534, -1)
        self._kind = kind

    def at(self, name: str) -> Path:
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        PLANTED[self._kind](place, self.other)
        return place

    def nothing_changed(self) -> bool:
        return (
            self.other.read_bytes() == CONTENT
            and self.other.stat().st_mode & 0o777 == 0o600
            and sorted(self.other.parent.iterdir()) == [self.other, self.folder]
        )


@pytest.fixture(params=PLANTED)
def planting(tmp_path: Path, request: pytest.FixtureRequest) -> Planting:
    if request.param == SECOND_NAME and os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    return Planting(tmp_path, request.param)


def test_the_lock_of_the_supervisor(planting: Planting) -> None:
    place = planting.at("run/supervisor.lock")
    with pytest.raises(OSError, match=f"remove it.*{place}"):
        PidFiles(planting.folder)
    assert planting.nothing_changed()


def test_a_log(planting: Planting) -> None:
    log = Log(planting.at("logs/nginx.log"), bound=10)
    with pytest.raises(OSError, match=f"remove it.*{log.path}"):
        log.open()
    assert not log.cut()
    assert log.tail() == []
    assert planting.nothing_changed()


def test_a_backup_that_links_our_files_hinders_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path / "state" / "logs" / "nginx.log", bound=10)
    os.close(log.open())
    log.path.write_bytes(CONTENT)
    PidFiles(tmp_path / "state").release()
    shutil.copytree(tmp_path / "state", tmp_path / "backup", copy_function=os.link)

    os.close(log.open())
    assert log.cut()
    PidFiles(tmp_path / "state").release()


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_the_block_store(planting: Planting, end: str) -> None:
    place = planting.at(f"chain.sqlite{end}")
    with pytest.raises(OSError, match=f"remove it.*{place}"):
        BlockStore(planting.folder / "chain.sqlite", chain_id=56, max_blocks=9, max_bytes=9000)
    assert planting.nothing_changed()


async def test_the_checkpoint_of_liquidity(planting: Planting) -> None:
    planting.at("liquidity-providers.draft")
    checkpoint = LpCheckpoint(1, (), {})
    await LpCheckpointFile(planting.folder, {}).write(checkpoint)
    assert LpCheckpointFile(planting.folder, {}).read() == checkpoint
    assert planting.nothing_changed()


def test_the_folders_of_a_program(planting: Planting) -> None:
    place = planting.at("etc")
    program = Program("p", ("true",), folder=place, files=(File("p.yml", "new"),))
    if place.is_dir() and not place.is_symlink():
        files.write(program)
    else:
        with pytest.raises(DaemonError, match=f"{place} is a link or no folder"):
            files.write(program)
    assert planting.nothing_changed()


def test_a_file_of_a_program(planting: Planting) -> None:
    place = planting.at("etc/p.yml")
    program = Program("p", ("true",), folder=place.parent, files=(File("p.yml", "new"),))
    with pytest.raises(DaemonError, match=f"{place} .*; remove it"):
        files.write(program)
    assert planting.nothing_changed()


def test_the_folder_of_secrets(planting: Planting) -> None:
    place = planting.at("secrets")
    if not place.is_dir():
        with pytest.raises(DaemonError, match=f"{place}.*remove what stands there"):
            kept(DaemonsConfig(), folder=planting.folder)
    assert planting.nothing_changed()


def test_a_state_folder_that_a_group_of_others_may_change(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o770)
    require_private(folder)
    if os.geteuid() == 0:
        os.chown(folder, -1, 65534)
        with pytest.raises(DaemonError, match="chmod 0700"):
            require_private(folder)
