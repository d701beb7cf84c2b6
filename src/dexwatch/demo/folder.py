"""The sample's folder: marked by a file, used by one sample at a time, emptied at each start."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARKER = ".dexwatch-sample"
KEPT = frozenset({"run"})
"""Process ids of an earlier run: the next start stops what was left running."""


class FolderError(RuntimeError):
    """The folder cannot be used for the sample; `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@contextmanager
def sample_folder(folder: Path) -> Iterator[Path]:
    """Empty the folder and lock it while entered.

    Raises:
        FolderError: it holds something else, or another sample runs in it.
    """
    folder = folder.resolve()
    marker = folder / MARKER
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise FolderError(
            f"{folder} is not empty and was not made by `dexwatch demo`, so it is not wiped",
            "Name another folder with `--folder`.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read(32).strip() or "unknown"
            raise FolderError(
                f"another sample runs in {folder} (pid {pid})",
                "Stop that one, or name another folder with `--folder`.",
            ) from None
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        _wipe(folder)
        yield folder


def _wipe(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name == MARKER or entry.name in KEPT:
            continue
        if entry.is_dir() and not entry.is_symlink():
            if any((entry / name).exists() for name in KEPT):
                _wipe(entry)
            else:
                shutil.rmtree(entry)
        else:
            entry.unlink()
