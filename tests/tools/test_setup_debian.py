"""Missing packages are installed, or asked for in words that can be typed."""

import os
import stat
from pathlib import Path

import pytest

from tools.setup import debian
from tools.setup.debian import Package, ensure, missing, program, wait_for
from tools.setup.steps import Place, SetupError

ABSENT = Package("libnothing", lambda: False)
PRESENT = Package("coreutils", program("ls"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(root=tmp_path, home=tmp_path / "home", venv=tmp_path / "venv")


@pytest.fixture
def nobody_can_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """No root, no sudo, no terminal; one package is missing."""
    monkeypatch.setattr(debian, "RUN", (PRESENT, ABSENT))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(debian, "_sudo_without_password", lambda: False)
    monkeypatch.setattr(debian, "on_a_terminal", lambda: False)


def test_a_package_is_present_when_its_program_is_found() -> None:
    assert missing((PRESENT, ABSENT)) == ["libnothing"]


def test_nothing_missing_needs_no_rights(
    place: Place, monkeypatch: pytest.MonkeyPatch, nobody_can_install: None
) -> None:
    monkeypatch.setattr(debian, "RUN", (PRESENT,))
    assert ensure(place, tests=False) == "all 1 present"


def test_without_rights_and_terminal_it_says_what_to_type_and_ends_with_three(
    place: Place, nobody_can_install: None
) -> None:
    with pytest.raises(SetupError) as caught:
        ensure(place, tests=False)
    text = str(caught.value)
    assert caught.value.status == 3
    assert f"sudo make -C {place.root} packages\n" in text
    assert "sudo apt-get install --no-install-recommends libnothing\n" in text


def test_with_the_tests_packages_the_command_asks_for_them_too(
    place: Place, nobody_can_install: None
) -> None:
    with pytest.raises(SetupError, match="packages TESTS=1"):
        ensure(place, tests=True)


def test_on_a_terminal_it_waits_and_goes_on_when_the_programs_appear(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nobody_can_install: None,
) -> None:
    tool = tmp_path / "frobnicator"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(debian, "RUN", (Package("frobnicator", program("frobnicator")),))
    monkeypatch.setattr(debian, "on_a_terminal", lambda: True)

    def a_person_installs_it(_seconds: float) -> None:
        tool.write_text("#!/bin/sh\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setattr(debian.time, "sleep", a_person_installs_it)
    assert ensure(place, tests=False) == "all 1 present"
    assert "frobnicator is there" in capsys.readouterr().out


def test_waiting_is_bounded() -> None:
    with pytest.raises(SetupError, match="still missing: libnothing") as caught:
        wait_for((ABSENT,), wait_seconds=0.02, poll_seconds=0.01)
    assert caught.value.status == 3


def test_without_apt_it_names_what_is_needed(
    place: Place, monkeypatch: pytest.MonkeyPatch, nobody_can_install: None
) -> None:
    monkeypatch.setattr(debian, "SYSTEM_PATH", "/nowhere")
    with pytest.raises(SetupError, match="There is no apt-get here"):
        ensure(place, tests=False)


def test_root_installs_only_what_is_missing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "install", installed.extend)
    late = Package("late", lambda: "late" in installed)
    monkeypatch.setattr(debian, "RUN", (PRESENT, late))
    assert ensure(place, tests=False) == "installed 1: late"
    assert installed == ["late"]


def test_with_sudo_that_asks_nothing_root_runs_the_same_step(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody_can_install: None
) -> None:
    log = tmp_path / "sudo.log"
    sudo = tmp_path / "sudo"
    sudo.write_text(f'#!/bin/sh\necho "$PWD $@" >> {log}\ntouch {tmp_path}/frobnicator\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(debian, "_sudo_without_password", lambda: True)
    wanted = Package("frobnicator", (tmp_path / "frobnicator").exists)
    monkeypatch.setattr(debian, "RUN", (wanted,))
    assert ensure(place, tests=False) == "installed 1: frobnicator"
    where, *command = log.read_text().split()
    assert where == str(place.root)
    assert command[2:] == ["-B", "-m", "tools.setup", "--packages"]
