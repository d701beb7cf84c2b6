"""Whatever an operator names as a file is read within bounds, and written whole."""

import os
import threading
from pathlib import Path

import pytest

from dexwatch.bounded_file import read_bounded, write_file
from dexwatch.settings import load
from dexwatch.settings.problems import SettingsError


def test_a_pipe_that_nobody_writes_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TimeoutError):
        read_bounded(pipe, 100, wait_seconds=0.05)


def test_a_pipe_that_is_never_ended_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"name: a")
    try:
        with pytest.raises(TimeoutError):
            read_bounded(pipe, 100, wait_seconds=0.05)
    finally:
        os.close(writer)


def test_a_pipe_that_is_written_later_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"name: a\n",), daemon=True)
    writer.start()
    assert read_bounded(pipe, 100) == b"name: a\n"
    writer.join(timeout=5)


def test_a_pipe_whose_writer_is_gone_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"name: a\n")
    os.close(writer)
    try:
        assert read_bounded(Path(f"/dev/fd/{reader}"), 100) == b"name: a\n"
    finally:
        os.close(reader)


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_regular_file_is_read(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert read_bounded(file, 100) == content


def test_an_endless_file_is_read_up_to_the_bound() -> None:
    assert len(read_bounded(Path("/dev/zero"), 100)) == 101


@pytest.mark.parametrize("device", ["/dev/zero"])
def test_a_device_is_no_secret(tmp_path: Path, device: str) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"name: a\nrespond: {{hook_token_file: {device}}}\n")
    with pytest.raises(SettingsError, match=f"the file {device} cannot be read"):
        load(file)


def test_what_is_written_is_on_the_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("sync"), sync(fd)))
    monkeypatch.setattr(Path, "replace", lambda a, b: (steps.append("name"), replace(a, b)))
    write_file(tmp_path / "a", b"whole")
    assert steps == ["sync", "name"]
    assert (tmp_path / "a").read_bytes() == b"whole"
