"""Only named files of archives with the locked hash are unpacked."""

import base64
import hashlib
import io
import json
import stat
import tarfile
from pathlib import Path

import pytest

from tools.setup import npm
from tools.setup.npm import Artefact, ensure, read_artefacts, unpack
from tools.setup.steps import Place, SetupError

ROOT = Path(__file__).resolve().parents[2]


def archive(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return stream.getvalue()


def artefact(content: bytes, **files: str) -> Artefact:
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    return Artefact("pool", "1.0.0", integrity, tuple(files.items()))


def test_named_files_are_unpacked_and_programs_can_be_run(tmp_path: Path) -> None:
    content = archive(script="x", node="y", readme="z")
    unpack(artefact(content, script="web/pool.js", node="bin/node"), content, tmp_path)
    assert (tmp_path / "web/pool.js").read_text() == "x"
    assert (tmp_path / "bin/node").stat().st_mode & stat.S_IXUSR
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_other_content_than_was_locked_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    locked = artefact(archive(script="x"), script="web/pool.js")
    with pytest.raises(SetupError, match="Nothing was unpacked"):
        unpack(locked, archive(script="evil"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_the_package_lacks_is_named(tmp_path: Path) -> None:
    content = archive(script="x")
    with pytest.raises(SetupError, match="holds no file 'missing'"):
        unpack(artefact(content, missing="web/pool.js"), content, tmp_path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A project with one artefact, and an `npm pack` that gives its archive."""
    content = archive(script="x")
    one = artefact(content, script="web/pool.js")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "artefacts.toml").write_text(
        f'[[package]]\nname = "{one.name}"\nversion = "{one.version}"\n'
        f'integrity = "{one.integrity}"\n[package.files]\nscript = "web/pool.js"\n'
    )
    asked: list[str] = []

    def fetch(due: list[Artefact], _folder: Path) -> dict[str, bytes]:
        asked.extend(item.spec for item in due)
        return {one.name: content}

    monkeypatch.setattr(npm, "_fetch", fetch)
    monkeypatch.setattr(npm, "_require_node", lambda *_, **__: None)
    return Place(root=tmp_path, home=tmp_path / "home", venv=tmp_path / "venv")


def test_the_second_time_nothing_is_fetched(place: Place) -> None:
    assert ensure(place) == "fetched 1"
    assert ensure(place) == "all 1 present"


def test_a_file_that_was_removed_is_fetched_again(place: Place) -> None:
    ensure(place)
    (place.home / "web/pool.js").unlink()
    assert ensure(place) == "fetched 1"


def test_an_unknown_kind_of_machine_is_told_how_to_go_on(tmp_path: Path) -> None:
    place = Place(root=ROOT, home=tmp_path, venv=tmp_path)
    listed = read_artefacts(ROOT / "tools" / "artefacts.toml")
    with pytest.raises(SetupError, match="no anvil is locked for riscv64"):
        npm._require_node(place, listed, machine="riscv64")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "anvil").write_text("")
    npm._require_node(place, listed, machine="riscv64")


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ([{"name": "@a/b", "filename": "@a/b-1.0.0.tgz"}], "a-b-1.0.0.tgz"),
        ([{"name": "@a/b", "filename": "a-b-1.0.0.tgz"}], "a-b-1.0.0.tgz"),
        ({"@a/b": {"name": "@a/b", "filename": "a-b-1.0.0.tgz"}}, "a-b-1.0.0.tgz"),
    ],
)
def test_archives_are_found_whatever_the_version_of_npm_prints(
    said: object, file: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_bytes(b"x")
    assert npm._archives(json.dumps(said), tmp_path) == [("@a/b", b"x")]


def test_every_locked_artefact_has_a_full_hash() -> None:
    for one in read_artefacts(ROOT / "tools" / "artefacts.toml"):
        assert len(base64.b64decode(one.integrity.removeprefix("sha512-"))) == 64, one.name
