"""`dexwatch user`: who may use the console is written, changed and told once."""

import json
import os
import pwd
from pathlib import Path

import pytest

from dexwatch.cli import app
from tests.fakes.command_line import SMALLEST, config, run


def test_user_is_added_with_a_password_that_is_shown_once(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)

    shown = run(app, ["user", "bo", "-c", file, "--role", "viewer"])

    assert shown.exit_code == 0, shown.output
    assert "argon2" in (tmp_path / "users.json").read_text()


def test_user_gets_a_new_password_and_role(tmp_path: Path) -> None:
    file = config(tmp_path, SMALLEST)
    run(app, ["user", "bo", "-c", file, "--role", "viewer"])
    before = (tmp_path / "users.json").read_text()

    shown = run(app, ["user", "bo", "-c", file, "--role", "operator"])

    users = json.loads((tmp_path / "users.json").read_text())["users"]
    assert shown.exit_code == 0
    assert [(user["name"], user["role"]) for user in users] == [("bo", "operator")]
    assert (tmp_path / "users.json").read_text() != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another user")
def test_user_that_root_adds_is_readable_by_the_user_that_runs_the_console(tmp_path: Path) -> None:
    text = SMALLEST + "daemons: {user: nobody}\n"

    run(app, ["user", "bo", "-c", config(tmp_path, text)])

    written = (tmp_path / "users.json").stat()
    assert written.st_gid == pwd.getpwnam("nobody").pw_gid
    assert written.st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["Bo", "bo/..", "", "b" * 65])
def test_user_of_a_wrong_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    shown = run(app, ["user", name, "-c", config(tmp_path, SMALLEST)])

    assert shown.exit_code == 2
    assert "lower case" in " ".join(shown.output.split())
    assert "users.json" not in shown.output
    assert not (tmp_path / "users.json").exists()


def test_user_in_a_broken_file_is_told_to_mend_the_file(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text("[]")

    shown = run(app, ["user", "bo", "-c", config(tmp_path, SMALLEST)])

    assert shown.exit_code == 2
    assert "users.json" in shown.output
    assert "lower case" not in shown.output
