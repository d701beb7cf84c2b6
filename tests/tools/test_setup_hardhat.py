"""Hardhat's node is unpacked from archives with the hashes of a lock, and once."""

import base64
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from tools.setup import hardhat
from tools.setup.steps import Place, SetupError

ROOT = Path(__file__).resolve().parents[2]
NPM = """#!/bin/sh
echo "$@" >> "$LOG"
cp "$ARCHIVE" node-1.0.0.tgz
"""


def archive(text: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name in ("own/lib/node.js", "own/../../evil.js"):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


def lock(content: bytes) -> str:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    entry = {"version": "1.0.0", "integrity": integrity}
    packages = {
        "": {"name": "root"},
        "node_modules/a": entry,
        "node_modules/b/node_modules/a": entry,
        "node_modules/unused": {**entry, "name": "a"},
    }
    return json.dumps({"packages": packages})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine with an npm of which each use is written to a log."""
    (tmp_path / "npm").write_text(NPM)
    (tmp_path / "npm").chmod(0o755)
    (tmp_path / "given").write_bytes(archive("x"))
    (tmp_path / "requirements" / "hardhat").mkdir(parents=True)
    (tmp_path / "requirements/hardhat/package-lock.json").write_text(lock(archive("x")))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("ARCHIVE", str(tmp_path / "given"))
    monkeypatch.setattr(hardhat.platform, "machine", lambda: hardhat.MACHINE)
    return Place(root=tmp_path, home=tmp_path / "home", venv=tmp_path / "venv")


def test_each_package_is_unpacked_where_the_lock_says_and_none_that_is_replaced(
    place: Place,
) -> None:
    assert hardhat.ensure(place) == "unpacked 2 packages"
    folder = place.home / "hardhat"
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["node_modules/a/lib/node.js", "node_modules/b/node_modules/a/lib/node.js"]
    assert not list(place.root.rglob("evil.js"))


def test_the_second_time_nothing_is_fetched_and_no_script_is_ever_run(place: Place) -> None:
    hardhat.ensure(place)
    assert hardhat.ensure(place) == "present"
    [line] = (place.root / "log").read_text().splitlines()
    assert line == "pack --ignore-scripts --loglevel=error a@1.0.0"


def test_other_content_than_was_locked_is_refused_and_fetched_again(place: Place) -> None:
    (place.root / "given").write_bytes(archive("evil"))
    with pytest.raises(SetupError, match=r"no archive of a@1\.0\.0 has the hash"):
        hardhat.ensure(place)
    assert not (place.home / "hardhat").exists()
    (place.root / "given").write_bytes(archive("x"))
    assert hardhat.ensure(place) == "unpacked 2 packages"


def test_another_lock_is_unpacked_anew(place: Place) -> None:
    hardhat.ensure(place)
    (place.root / "given").write_bytes(archive("y"))
    (place.root / "requirements/hardhat/package-lock.json").write_text(lock(archive("y")))
    hardhat.ensure(place)
    assert (place.home / "hardhat/node_modules/a/lib/node.js").read_text() == "y"


def test_on_another_machine_its_tests_are_skipped(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardhat.platform, "machine", lambda: "riscv64")
    assert "tests with it are skipped" in hardhat.ensure(place)
    assert not place.home.exists()


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    file = ROOT / "requirements" / "hardhat" / "package-lock.json"
    for name, (spec, integrity) in hardhat.read_lock(file).items():
        assert integrity.startswith("sha512-"), name
        assert not spec.endswith("@"), name
    assert "resolved" not in file.read_text()
