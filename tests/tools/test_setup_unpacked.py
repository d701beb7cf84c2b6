"""A program out of a Debian package comes without its installation."""

import os
from pathlib import Path

import pytest

from tools.setup import unpacked
from tools.setup.steps import Place, SetupError

APT = """#!/bin/sh
echo "$@" >> "$LOG"
touch server_1_amd64.deb
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/bin" && echo program > "$3/usr/bin/server"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine with an apt of which each use is written to a log."""
    for name, text in {"apt-get": APT, "dpkg-deb": DPKG}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(unpacked, "PACKAGES", {"server": ("usr/bin/server",)})
    return Place(root=tmp_path, home=tmp_path / "home", venv=tmp_path / "venv")


def test_what_is_missing_is_downloaded_and_never_installed(place: Place) -> None:
    assert unpacked.ensure(place) == "unpacked 1: server"
    program = place.home / "bin/server"
    assert program.read_text() == "program\n"
    assert program.stat().st_mode & 0o111
    assert (place.root / "log").read_text() == "--quiet download server\n"


def test_what_is_there_is_not_fetched_again(place: Place) -> None:
    unpacked.ensure(place)
    assert unpacked.ensure(place) == "all 1 present"
    assert (place.root / "log").read_text().count("download") == 1


def test_a_failed_download_says_what_to_do_and_leaves_nothing(place: Place) -> None:
    (place.root / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    with pytest.raises(SetupError, match="apt-get update"):
        unpacked.ensure(place)
    assert not (place.home / "bin").exists()


def test_without_apt_it_says_which_tests_are_skipped(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "tests with server are skipped" in unpacked.ensure(place)
