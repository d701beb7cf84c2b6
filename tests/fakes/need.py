"""A missing program skips a test locally and fails it in CI, where all must be installed."""

import itertools
import os
import random
import shutil
import socket
from collections.abc import Iterator
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
    """Return a loopback port that nobody listens on and that no other test process is given.

    The ports lie below those that the kernel hands out by itself, in a block of this process.
    """
    for _ in range(_BLOCK_PORTS):
        port = next(_ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port of this process's block is taken")


def _own_ports() -> Iterator[int]:
    """Yield the ports of a block again and again; holding its first one keeps others out of it."""
    global _holder  # noqa: PLW0603 - the block is the process's own, as its ports are.
    for first in random.sample(_BLOCKS, len(_BLOCKS)):
        _holder = socket.socket()
        try:
            _holder.bind(("127.0.0.1", first))
        except OSError:
            _holder.close()
            continue
        yield from itertools.cycle(range(first + 1, first + _BLOCK_PORTS))
    raise AssertionError("every block of ports is taken by other test processes")


_BLOCK_PORTS = 500
_BLOCKS = range(10_000, 32_000, _BLOCK_PORTS)
_holder: socket.socket
_ports = _own_ports()
