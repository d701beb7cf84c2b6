"""Start a child process that dies with us, whatever happens to us.

    with Reaper() as reaper:
        child = spawn(["redis-server"], log=Log(Path("redis.log")), reaper=reaper)
        status = await child.ended
        await child.stop(signal.SIGTERM, 5.0)

Three things hold the promise: the kernel signals the direct child when our main thread ends
(PR_SET_PDEATHSIG), the reaper process ends whole trees when its pipe from us closes,
and every child leads a session of its own: Ctrl-C reaches us alone, and we stop things in order.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from dexwatch.bounded_file import open_own
from dexwatch.daemons.launch import ANCESTRY
from dexwatch.daemons.reaper import kill, start_time, tree

_HERE = Path(__file__).parent
_SCRIPT = (sys.executable, "-I", "-S")
"""Isolated and without site: a few milliseconds and none of our packages."""

_OLDER = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
LEFTOVER_SECONDS = 1.0
"""What descendants get after their leader has ended in order, before they are killed."""


class Log:
    """A child's output: a file that is cut when it grows past its bound; one older file is kept."""

    def __init__(self, path: Path, *, bound: int = 5 * 1024 * 1024) -> None:
        """Choose the file; about twice `bound` bytes lie on disk at most."""
        self.path = path
        self.bound = bound

    def open(self) -> int:
        """Return a new descriptor for appending; the caller closes it.

        Raises:
            OSError: what stands there is no file of ours.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return open_own(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def cut(self) -> bool:
        """Copy to `NAME.1` and empty the file if it is past its bound; the child appends on."""
        try:
            with os.fdopen(open_own(self.path, os.O_RDWR), "r+b") as log:
                if os.fstat(log.fileno()).st_size <= self.bound:
                    return False
                # The child holds the descriptor, so renaming frees nothing; cutting does.
                self._copy(log, self.path.with_name(self.path.name + ".1"))
                os.ftruncate(log.fileno(), 0)
        except OSError:
            return False
        return True

    def _copy(self, log: BinaryIO, older: Path) -> None:
        """Keep a copy if that can be: on a full disk, too, the log must be cut."""
        try:
            older.unlink(missing_ok=True)
            with os.fdopen(os.open(older, _OLDER, 0o640), "wb") as copy:
                shutil.copyfileobj(log, copy)
        except OSError:
            with contextlib.suppress(OSError):
                older.unlink(missing_ok=True)

    def tail(self, lines: int = 10, *, since: int = 0) -> list[str]:
        """Return the last lines that were written after the byte offset `since`."""
        try:
            with os.fdopen(open_own(self.path, os.O_RDONLY), "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(since if since <= size else 0, size - 64 * 1024))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        return text.splitlines()[-lines:]

    def size(self) -> int:
        """Return the present size in bytes; 0 when there is no file yet."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


class Reaper:
    """Our end of the process that reaps our children if we are killed (see reaper.py)."""

    def __init__(self) -> None:
        """Start the process; leave the `with` block or call `close` to end it."""
        self._children: dict[int, str] = {}
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_SCRIPT, str(_HERE / "reaper.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )

    @property
    def pid(self) -> int:
        """The reaper's own process id."""
        return self._process.pid

    def add(self, pid: int, started: str, number: int, seconds: float) -> None:
        """Put a child on the list."""
        self._children[pid] = f"+ {pid} {started} {int(number)} {seconds}\n"
        self._tell(self._children[pid])

    def remove(self, pid: int) -> None:
        """Take an ended child off the list."""
        if self._children.pop(pid, None) is not None:
            self._tell(f"- {pid}\n")

    def _tell(self, line: str) -> None:
        if not self._write(line):
            # Somebody killed the reaper itself: start another one and tell it everything.
            self._process.wait(timeout=5)
            self._process = self._start()
            self._write("".join(self._children.values()))

    def _write(self, text: str) -> bool:
        pipe = self._process.stdin
        if pipe is None:
            return False
        try:
            pipe.write(text.encode())
            pipe.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True

    def close(self) -> None:
        """End the reaper; it reaps what is still on the list."""
        with contextlib.suppress(BrokenPipeError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=30)

    def __enter__(self) -> "Reaper":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Child:
    """A running child. Lives in the event loop that was running when it was spawned."""

    def __init__(self, process: subprocess.Popen[bytes], reaper: Reaper | None) -> None:
        """Watch the process through a pidfd, so that neither a thread nor SIGCHLD is needed."""
        self.pid = process.pid
        self.started = start_time(process.pid)
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Resolves to the exit status; negative for the signal that ended it."""
        self._process = process
        self._reaper = reaper
        self._descriptor = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_end)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        status = self._process.wait()
        if not self.ended.done():
            self.ended.set_result(status)

    @property
    def running(self) -> bool:
        """Has it not ended yet?"""
        return not self.ended.done()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program itself, not to what it started; nothing if it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    async def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it came within the time."""
        done, _ = await asyncio.wait([self.ended], timeout=seconds)
        return bool(done)

    async def stop(self, number: signal.Signals, seconds: float) -> int:
        """Ask it to end, then kill it and everything that it started; return the exit status."""
        descendants = await asyncio.to_thread(tree, self.pid, self.started)
        self.send(number)
        if not await self.wait(seconds):
            descendants += await asyncio.to_thread(tree, self.pid, self.started)
            self.send(signal.SIGKILL)
            await self.wait(5.0)
        await self.sweep(descendants)
        return self.ended.result() if self.ended.done() else -signal.SIGKILL

    async def sweep(self, descendants: Sequence[tuple[int, str]] = ()) -> None:
        """After the end: ask what is left of the tree to end too, then kill it."""
        rest = {*descendants, *await asyncio.to_thread(tree, self.pid, self.started)}
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid, began in rest:
                kill(pid, began, number)
            deadline = asyncio.get_running_loop().time() + LEFTOVER_SECONDS
            while rest := {(pid, began) for pid, began in rest if start_time(pid) == began}:
                if asyncio.get_running_loop().time() > deadline:
                    break
                await asyncio.sleep(0.02)
        if self._reaper is not None:
            self._reaper.remove(self.pid)


def spawn(
    argv: Sequence[str],
    *,
    log: Log,
    reaper: Reaper | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    stop_seconds: float = 8.0,
) -> Child:
    """Start a program; `env` None passes our whole environment on.

    A program that cannot be executed ends with status 127 and a line in the log.

    Raises:
        RuntimeError: not called from the main thread, the one whose end the child dies with.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start children from the main thread: they die with the starting thread")
    variables = dict(os.environ if env is None else env)
    variables[ANCESTRY] = os.environ.get(ANCESTRY, "/")
    path = shutil.which(argv[0], path=variables.get("PATH")) or argv[0]
    output = log.open()
    try:
        # Popen closes all descriptors above stderr; the session keeps Ctrl-C from the child.
        process = subprocess.Popen(
            [
                *(*_SCRIPT, str(_HERE / "launch.py")),
                *(str(os.getpid()), str(int(stop_signal)), user or "", "--"),
                *(path, *argv[1:]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=cwd,
            env=variables,
        )
    finally:
        os.close(output)
    child = Child(process, reaper)
    if reaper is not None:
        reaper.add(child.pid, child.started, stop_signal, stop_seconds)
    return child
