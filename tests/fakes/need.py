"""A missing program skips a test on a desk and fails it in CI, where all must be installed."""

import os
import shutil
import socket
from pathlib import Path

import pytest


def program(name: str, *folders: Path) -> str:
    """Return the path of a program, looked for in the folders and then on PATH."""
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
        raise AssertionError
    return found


def missing(reason: str) -> None:
    """Skip, or fail where the environment variable CI is set."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a loopback port that nobody listened on a moment ago."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
