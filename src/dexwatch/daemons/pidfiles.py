"""One supervisor a folder: the lock, and what a killed predecessor left behind."""

import contextlib
import fcntl
import json
import os
import signal
import time
from pathlib import Path

from dexwatch.bounded_file import open_own, read_file, write_file
from dexwatch.daemons.program import AlreadyRunningError
from dexwatch.daemons.reaper import kill, start_time, tree

LEFTOVER_SECONDS = 10.0
"""How long a predecessor's programs get to end by themselves before we end them."""


class PidFiles:
    """Holds a folder for this process; the kernel lets go of it when we die, however we die."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunningError: another supervisor works here; says its process id.
            OSError: the lock's place is taken by something else.
        """
        self._run = folder / "run"
        self._run.mkdir(parents=True, exist_ok=True)
        path = self._run / "supervisor.lock"
        self._descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise AlreadyRunningError(
                f"{folder} is in use by another dexwatch (pid {pid}); "
                "stop that one, or choose another `folder:`"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def note(self, name: str, pid: int, started: str) -> None:
        """Remember a child, so that a successor knows it for ours."""
        text = json.dumps({"pid": pid, "start": started, "boot": _boot()})
        write_file(self._run / f"{name}.pid", text.encode())

    def forget(self, name: str) -> None:
        """The child has ended."""
        (self._run / f"{name}.pid").unlink(missing_ok=True)

    def leftovers(self) -> dict[str, tuple[int, str]]:
        """Return the programs of a killed predecessor that still run: name to (pid, start time)."""
        found = {}
        for file in self._run.glob("*.pid"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                noted = json.loads(read_file(file, 4096))
                pid, started = int(noted["pid"]), str(noted["start"])
                # Pid and start time within one boot name a process for certain.
                if noted["boot"] == _boot() and start_time(pid) == started:
                    found[file.stem] = (pid, started)
                    continue
            file.unlink(missing_ok=True)
        return found

    def end_leftovers(self, *, seconds: float = LEFTOVER_SECONDS) -> list[str]:
        """Wait for a predecessor's programs to end, then end them; return those that we had to end.

        Blocks; call it from a thread.
        """
        deadline = time.monotonic() + seconds
        trees = {name: tree(*child) for name, child in self.leftovers().items()}
        for pid, started in self.leftovers().values():
            kill(pid, started, signal.SIGTERM)
        while (rest := self.leftovers()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for name, (pid, started) in rest.items():
            kill(pid, started, signal.SIGKILL)
            for descendant, began in trees.get(name, []):
                kill(descendant, began, signal.SIGKILL)
        return sorted(trees)

    def release(self) -> None:
        """Let go of the folder."""
        os.close(self._descriptor)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
