"""Hardhat's node is installed from a lock with hashes, without scripts, and once."""

import json
import os
from pathlib import Path

import pytest

from tools.setup import hardhat
from tools.setup.steps import Place, SetupError

ROOT = Path(__file__).resolve().parents[2]
NPM = """#!/bin/sh
echo "$@" >> "$LOG"
mkdir -p node_modules/hardhat
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine with an npm of which each use is written to a log."""
    (tmp_path / "npm").write_text(NPM)
    (tmp_path / "npm").chmod(0o755)
    source = tmp_path / "requirements" / "hardhat"
    source.mkdir(parents=True)
    for name in hardhat.FILES:
        (source / name).write_text("{}")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setattr(hardhat.platform, "machine", lambda: hardhat.MACHINE)
    return Place(root=tmp_path, home=tmp_path / "home", venv=tmp_path / "venv")


def test_it_is_installed_once_from_the_lock_and_runs_no_script(place: Place) -> None:
    assert hardhat.ensure(place) == "installed"
    assert hardhat.ensure(place) == "present"
    [line] = (place.root / "log").read_text().splitlines()
    assert line.startswith("ci --ignore-scripts ")


def test_another_lock_is_installed_anew(place: Place) -> None:
    hardhat.ensure(place)
    (place.root / "requirements" / "hardhat" / "package-lock.json").write_text('{"a": 1}')
    assert hardhat.ensure(place) == "installed"


def test_one_that_failed_is_installed_the_next_time(place: Place) -> None:
    (place.root / "npm").write_text("#!/bin/sh\nmkdir -p node_modules/hardhat\nexit 1\n")
    with pytest.raises(SetupError, match="npm must reach its registry"):
        hardhat.ensure(place)
    (place.root / "npm").write_text(NPM)
    assert hardhat.ensure(place) == "installed"


def test_on_another_machine_its_tests_are_skipped(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardhat.platform, "machine", lambda: "riscv64")
    assert "tests with it are skipped" in hardhat.ensure(place)
    assert not place.home.exists()


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    lock = json.loads((ROOT / "requirements" / "hardhat" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/hardhat"]["version"].startswith("2.")
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
