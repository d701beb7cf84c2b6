"""How a reload is asked for and answered: a signal, and a small file in `<folder>/run`.

SIGHUP alone reloads too, as everywhere; who also wants to know how it went leaves a request there
and waits for the answer that bears its id. `dexwatch up` asks its roles in the same way.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from dexwatch.bounded_file import read_file, write_file
from dexwatch.daemons.reaper import start_time

REQUEST = "reload.request"
ANSWER = "reload.json"
LOCK = "supervisor.lock"
ID_MAX = 64
_ANSWER_BYTES_MAX = 1_000_000
_STEP_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """How a reload went."""

    id: str
    """That of the request; empty when there was only a signal."""
    good: bool
    version: int
    """Of the configuration that is in use now."""
    changed: Sequence[str] = ()
    """Programs and roles that took something new."""
    restart: Sequence[str] = ()
    """Settings that differ, and are taken by a restart of `dexwatch up` only."""
    problems: Sequence[str] = ()
    """Why it was refused."""
    back: Sequence[str] = ()
    """Programs and roles that had taken something of it, and have their former settings again."""
    kept: Sequence[str] = ()
    """What could not be brought back to the former settings, and why."""


def requested(run: Path, *, name: str = REQUEST) -> str:
    """Return the id of the request that waits, or nothing."""
    with contextlib.suppress(OSError):
        return read_file(run / name, ID_MAX).decode("ascii", "replace").strip()
    return ""


@contextlib.contextmanager
def turn(run: Path, *, seconds: float) -> Iterator[None]:
    """Wait until nobody else asks: there is one place for a request, and one for its answer.

    Raises:
        TimeoutError: somebody else has not had an answer in time.
        OSError: the folder cannot be read.
    """
    until = time.monotonic() + seconds
    folder = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(errno.ETIMEDOUT, "another reload is not over") from None
            time.sleep(_STEP_SECONDS)
        yield
    finally:
        os.close(folder)


def ask(run: Path, request: str, *, name: str = REQUEST) -> None:
    """Leave a request.

    Raises:
        OSError: the folder is not ours.
    """
    write_file(run / name, request.encode())


def answer(run: Path, given: Answer, *, name: str = ANSWER) -> None:
    """Write the answer."""
    write_file(run / name, orjson.dumps(asdict(given)))


def answered(run: Path, *, name: str = ANSWER) -> Answer | None:
    """Return the last answer, if there is one."""
    try:
        return Answer(**orjson.loads(read_file(run / name, _ANSWER_BYTES_MAX)))
    except (OSError, TypeError, orjson.JSONDecodeError):
        return None


def process_mark(pid: int) -> str:
    """Return what names a process for certain, so that an order is taken by nobody else."""
    return f"{pid}:{start_time(pid)}"


def supervisor_of(run: Path) -> int | None:
    """Return the process id of the `dexwatch up` that works in the folder; None: none does."""
    try:
        # Not blocking: a pipe in its place would otherwise hold us up.
        with os.fdopen(os.open(run / LOCK, os.O_RDONLY | os.O_NONBLOCK), "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read(32))
    except (OSError, ValueError):
        return None
    return None
