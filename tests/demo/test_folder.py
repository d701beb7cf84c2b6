"""The sample wipes only what is its own, and one sample at a time uses a folder."""

import os
from pathlib import Path

import pytest

from dexwatch.demo.folder import FolderError, sample_folder


def test_a_new_folder_is_made_and_marked(tmp_path: Path) -> None:
    with sample_folder(tmp_path / "a" / "b") as folder:
        assert folder.is_dir()


def test_a_second_start_finds_it_empty_but_for_what_ends_leftovers(tmp_path: Path) -> None:
    with sample_folder(tmp_path / "demo") as folder:
        (folder / "state" / "run").mkdir(parents=True)
        (folder / "state" / "data.sqlite").touch()
        (folder / "state" / "run" / "pids").touch()
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "link").symlink_to(tmp_path)
    with sample_folder(tmp_path / "demo"):
        left = {path.name for path in folder.rglob("*") if path.is_file()}
        assert left == {".dexwatch-sample", "pids"}
    assert tmp_path.exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderError, match="not empty"), sample_folder(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_two_samples_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        sample_folder(tmp_path / "demo"),
        pytest.raises(FolderError, match=rf"another sample .*\(pid {os.getpid()}\)"),
        sample_folder(tmp_path / "demo"),
    ):
        pass
