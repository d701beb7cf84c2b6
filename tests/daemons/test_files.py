"""Files are written by root for others: what those put in the way changes nothing of root's."""

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dexwatch.daemons import files
from dexwatch.daemons.child import Log
from dexwatch.daemons.program import DaemonError, File, Program

USER = "nobody"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")


def attack(victim: Path, folders: list[Path], begun: int) -> None:
    """Put a link to the victim in the place of whatever appears, for ever."""
    entry = pwd.getpwnam(USER)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.write(begun, b"x")
    while True:
        for folder in folders:
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    path.rename(f"{path}-moved")
                    path.symlink_to(victim)


def program(folder: Path, text: str) -> Program:
    return Program(
        "a",
        ("true",),
        folder=folder / "etc" / "a",
        files=(File("a.conf", text), File("key", text, secret=True)),
        data=(folder / "data",),
        user=USER,
    )


@pytest.fixture
def reachable(tmp_path: Path) -> Path:
    """A folder that other users can walk to."""
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)
    return tmp_path


@pytest.fixture
def attacked(reachable: Path) -> Iterator[Path]:
    """A file of root's that a process of the program's user tries to be given, in a loop."""
    victim = reachable / "victim"
    victim.write_text("root's own")
    victim.chmod(0o600)
    files.write(program(reachable, "0"))
    told, begun = os.pipe()
    # Not a new program: this user may not be allowed to read our Python.
    attacker = os.fork()
    if attacker == 0:
        attack(victim, [reachable / "etc" / "a", reachable / "data"], begun)
    try:
        assert os.read(told, 1) == b"x"
        yield victim
    finally:
        os.kill(attacker, signal.SIGKILL)
        os.waitpid(attacker, 0)
        os.close(told)
        os.close(begun)


@as_root
def test_a_process_of_the_programs_user_cannot_lead_root_astray(
    attacked: Path, reachable: Path
) -> None:
    for number in range(1, 41):
        files.write(program(reachable, str(number)))
        about = attacked.stat()
        assert (about.st_uid, about.st_mode & 0o777) == (0, 0o600), number
    assert attacked.read_text() == "root's own"
    folder = reachable / "etc" / "a"
    assert sorted(each.name for each in folder.iterdir()) == ["a.conf", "key"]
    assert (folder / "key").read_text() == "40"


@as_root
def test_the_user_can_read_its_files_and_write_its_data_only(reachable: Path) -> None:
    files.write(program(reachable, "x"))
    folder = reachable / "etc" / "a"
    assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (0, 0o750)
    assert (folder / "key").stat().st_mode & 0o777 == 0o640
    assert (folder / "key").stat().st_uid == 0
    assert (reachable / "data").owner() == USER
    tried = subprocess.run(
        ["sh", "-c", "cat key; echo x > data 2>/dev/null || echo refused; echo x > ../../data/x"],
        user=USER,
        group=(folder).stat().st_gid,
        extra_groups=[],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert tried.stdout == "xrefused\n"


@as_root
def test_a_folder_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    made = program(tmp_path, "x")
    assert made.folder is not None
    made.folder.mkdir(parents=True)
    os.chown(made.folder, 12345, 12345)
    with pytest.raises(DaemonError, match="belongs to another user"):
        files.write(made)


def test_a_link_in_place_of_a_file_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("secret")
    made = Program("a", ("true",), folder=tmp_path / "etc", files=(File("a.conf", "x"),))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "a.conf").symlink_to(victim)
    with pytest.raises(DaemonError, match=r"a\.conf cannot be read"):
        files.write(made)
    assert victim.read_text() == "secret"


def test_what_stood_there_is_put_back(tmp_path: Path) -> None:
    before = Program("a", ("true",), folder=tmp_path / "etc", files=(File("a.conf", "1"),))
    after = Program(
        "a", ("true",), folder=tmp_path / "etc", files=(File("a.conf", "2"), File("b", "2"))
    )
    files.write(before)
    former = files.write(after)
    files.restore(after, former)
    assert {each.name: each.read_text() for each in (tmp_path / "etc").iterdir()} == {"a.conf": "1"}


def test_a_disk_that_fills_leaves_all_files_as_they_were(small_disk: Path) -> None:
    def holding(*sizes: int) -> Program:
        made = tuple(File(f"{n}.yml", "x" * size) for n, size in enumerate(sizes))
        return Program("a", ("true",), folder=small_disk / "a", files=made)

    files.write(holding(10_000, 10_000))
    with pytest.raises(OSError, match="No space left"):
        files.write(holding(20_000, 300_000))
    assert [(small_disk / "a" / f"{n}.yml").stat().st_size for n in range(2)] == [10_000, 10_000]
    assert len(list((small_disk / "a").iterdir())) == 2


def test_the_older_log_is_as_private_as_the_log(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.log", bound=10)
    descriptor = log.open()
    os.write(descriptor, b"x" * 20)
    os.close(descriptor)
    (tmp_path / "a.log.1").write_text("older")
    (tmp_path / "a.log.1").chmod(0o644)
    assert log.cut()
    assert (tmp_path / "a.log.1").read_text() == "x" * 20
    assert (tmp_path / "a.log.1").stat().st_mode & 0o777 == 0o640
    assert log.size() == 0
