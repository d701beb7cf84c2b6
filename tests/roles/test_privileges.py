"""Started as root, dexwatch goes on as the user that the settings name, and nothing stays root."""

import asyncio
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dexwatch.cli import app
from dexwatch.daemons.program import DaemonError
from dexwatch.roles.privileges import (
    become_owner,
    become_user,
    require_installation,
    require_private,
)
from dexwatch.roles.reload.answer import ask, requested
from dexwatch.roles.up import up
from dexwatch.settings import Settings

USER = "nobody"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights")


def settings(folder: Path, user: str | None = USER) -> Settings:
    return Settings.model_validate(
        {
            "name": "a",
            "folder": folder,
            "respond": {"hook_token": "h" * 32},
            "daemons": {"user": user},
        }
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that other users can walk to, with a configuration that they can read."""
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)
    (tmp_path / "dexwatch.yml").write_text("")
    (tmp_path / "dexwatch.yml").chmod(0o644)
    return tmp_path


def in_child(act: Callable[[], None]) -> str:
    """Do it in a process of its own and return what went wrong there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told to the parent.
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as stream:
        return stream.read()


@as_root
def test_all_ids_and_groups_are_the_users_and_cannot_be_taken_back(place: Path) -> None:
    def act() -> None:
        become_user(settings(place / "state"), place / "dexwatch.yml")
        entry = pwd.getpwnam(USER)
        assert os.getresuid() == (entry.pw_uid,) * 3
        assert os.getresgid() == (entry.pw_gid,) * 3
        assert set(os.getgroups()) <= {entry.pw_gid}
        (place / "state" / "new").write_text("x")
        with pytest.raises(PermissionError):
            os.setuid(0)

    assert in_child(act) == ""
    assert (place / "state").owner() == USER
    assert (place / "state").stat().st_mode & 0o777 == 0o700


@as_root
def test_a_reload_that_root_asks_for_is_read_by_the_user_that_runs_it(place: Path) -> None:
    entry, run = pwd.getpwnam(USER), place / "run"
    run.mkdir(mode=0o700)
    os.chown(run, entry.pw_uid, entry.pw_gid)

    def asks() -> None:
        become_owner(run)
        assert os.getresuid() == (entry.pw_uid,) * 3
        assert set(os.getgroups()) <= {entry.pw_gid}
        ask(run, "once")

    def reads() -> None:
        os.setuid(entry.pw_uid)
        assert requested(run) == "once"

    assert in_child(asks) == ""
    assert in_child(reads) == ""


@as_root
def test_what_root_asks_the_store_is_asked_as_the_user_that_runs_it(place: Path) -> None:
    entry, folder = pwd.getpwnam(USER), place / "state"
    folder.mkdir()
    (folder / "dexwatch.sqlite").symlink_to(place / "of-root.sqlite")
    (place / "of-root.sqlite").write_bytes(b"")
    (place / "of-root.sqlite").chmod(0o600)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    config = place / "dexwatch.yml"
    config.write_text(f"name: a\nfolder: {folder}\nrespond: {{hook_token: {'h' * 32}}}\n")

    def asks(*command: str) -> None:
        CliRunner().invoke(app, [*command, "-c", str(config)])
        assert os.geteuid() == entry.pw_uid

    for command in (["status"], ["incident", "list"], ["jobs", "list"]):
        assert in_child(lambda: asks(*command)) == ""  # noqa: B023 - it is called at once.
    assert (place / "of-root.sqlite").read_bytes() == b""


@as_root
def test_what_root_left_in_the_folder_is_refused_with_the_remedy(place: Path) -> None:
    (place / "state").mkdir()
    (place / "state" / "dexwatch.sqlite").write_text("x")
    said = in_child(lambda: become_user(settings(place / "state"), place / "dexwatch.yml"))
    assert said.startswith("DaemonError")
    assert f"chown -R --no-dereference {USER}:" in said


@as_root
def test_a_link_in_place_of_the_folder_is_not_followed(place: Path) -> None:
    (place / "state").symlink_to("/etc")
    said = in_child(lambda: become_user(settings(place / "state"), place / "dexwatch.yml"))
    assert "is a link or no folder" in said
    assert Path("/etc").owner() == "root"


@as_root
def test_a_configuration_that_the_user_cannot_read_is_reported(place: Path) -> None:
    (place / "dexwatch.yml").chmod(0o600)
    said = in_child(lambda: become_user(settings(place / "state"), place / "dexwatch.yml"))
    assert "cannot read" in said


@as_root
def test_a_python_that_the_user_cannot_read_is_reported_with_the_remedy(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = place / "python"
    python.touch(mode=0o700)
    monkeypatch.setattr("sys.executable", str(python))

    def act() -> None:
        become_user(settings(place / "state"), place / "dexwatch.yml")
        require_installation()

    assert f"{USER} cannot read {python}: install Python and dexwatch where" in in_child(act)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_folder_that_everybody_may_change_is_refused_with_the_remedy(
    tmp_path: Path, mode: int
) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(DaemonError, match=f"chmod 0700 {tmp_path}"):
        require_private(tmp_path)
    tmp_path.chmod(0o775)
    require_private(tmp_path)


@as_root
def test_a_folder_of_another_user_is_refused_with_the_remedy(tmp_path: Path) -> None:
    os.chown(tmp_path, pwd.getpwnam(USER).pw_uid, -1)
    with pytest.raises(DaemonError, match="belongs to another user"):
        require_private(tmp_path)


def test_nothing_is_started_in_a_folder_that_everybody_may_change(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(DaemonError, match="chmod 0700"):
        asyncio.run(up(settings(tmp_path), tmp_path / "dexwatch.yml", stop=asyncio.Event()))
    assert not list(tmp_path.iterdir())


def test_an_unknown_user_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DaemonError, match="no user 'no-such-user' here"):
        become_user(settings(tmp_path, "no-such-user"), tmp_path / "dexwatch.yml")
