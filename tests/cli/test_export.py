"""What `export` and `init` do where a file cannot be written: one line, with what to do."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from dexwatch.cli import app, init
from dexwatch.cli.draft import Draft
from dexwatch.settings import load
from tests.fakes.command_line import SMALLEST, config, run

EXPORTS = ("prometheus", "alertmanager", "grafana")


@pytest.mark.parametrize("what", EXPORTS)
def test_a_folder_that_cannot_be_made_is_told_in_one_line(what: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "below")

    shown = run(app, ["export", what, "-c", config(tmp_path, SMALLEST), "--to", place])

    assert isinstance(shown.exception, SystemExit), shown.exception
    assert shown.exit_code == 2
    [line] = shown.output.strip().splitlines()
    assert str(tmp_path / "file") in line
    assert "--to" in line


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("what", EXPORTS)
def test_a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for(
    what: str, read: bool, tmp_path: Path
) -> None:
    file, to = config(tmp_path, SMALLEST), tmp_path / "to"
    run(app, ["export", what, "-c", file, "--to", str(to)])
    planted = min(to.iterdir())
    planted.unlink()
    os.mkfifo(planted)
    reader = os.open(planted, os.O_RDONLY | os.O_NONBLOCK) if read else None

    shown = run(app, ["export", what, "-c", file, "--to", str(to)])

    assert shown.exit_code == 2, shown.output
    [line] = [line for line in shown.output.splitlines() if str(planted) in line]
    assert "a pipe" in line
    assert "--to" in line
    if reader is not None:
        assert os.read(reader, 1) == b""
        os.close(reader)


def test_what_is_exported_again_is_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file, to = config(tmp_path, SMALLEST), tmp_path / "to"
    run(app, ["export", "alertmanager", "-c", file, "--to", str(to)])
    first = {path: path.read_bytes() for path in to.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in first} == {0o600, 0o644}
    for path in first:
        path.write_bytes(b"x" * 100_000)
        path.chmod(0o640)

    shown = run(app, ["export", "alertmanager", "-c", file, "--to", str(to)])

    assert shown.exit_code == 0, shown.output
    assert {path: path.read_bytes() for path in to.iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in first} == {0o640}


@pytest.mark.parametrize("place", ["file/dexwatch.yml", "folder", "x" * 300])
def test_init_tells_what_it_cannot_write_in_one_line(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()

    shown = run(app, ["init", str(tmp_path / place), "--yes", "--force"])

    assert isinstance(shown.exception, SystemExit), shown.exception
    assert shown.exit_code == 2
    [line] = shown.output.strip().splitlines()
    assert "may write into" in line


@pytest.mark.parametrize("place", ["file/dexwatch.yml", "folder", "x" * 300, "/proc/new/dex.yml"])
def test_init_asks_nothing_where_it_could_not_write(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()

    shown = run(app, ["init", str(tmp_path / place), "--force"], input="")

    assert shown.exit_code == 2
    assert "Name of the platform" not in shown.output
    [line] = shown.output.strip().splitlines()
    assert "may write into" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_init_keeps_answers_that_a_full_disk_does_not_take(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    address = "http://127.0.0.1:1/v1/sesame"

    def fill(draft: Draft) -> Draft:
        with suppress(OSError), (small_disk / "fill").open("wb", buffering=0) as stream:
            while stream.write(b"x" * 512):
                pass
        return draft

    monkeypatch.setattr(init, "_ask", fill)
    shown = run(app, ["init", str(small_disk / "dex.yml"), "--name", "ana-dex", "--rpc", address])

    assert shown.exit_code == 2, shown.output
    assert "sesame" not in shown.output
    assert str(elsewhere) in shown.output
    [kept] = elsewhere.iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert load(kept / "dex.yml").name == "ana-dex"
    assert (kept / "node-a.http").read_text() == f"{address}\n"
