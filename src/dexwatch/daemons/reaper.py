"""The reaper: when a supervisor is killed before it could clean up, this ends what it started.

Runs as a script of its own (`python -I -S reaper.py`) and imports nothing of ours.
The supervisor writes one line a child to its standard input:

    + PID START SIGNAL SECONDS      a child was started (START as in /proc/PID/stat)
    - PID                           the child has ended

End of input means that the supervisor is gone.
What is then still on the list gets its signal, some time, and then the whole tree is killed.
PR_SET_PDEATHSIG alone would reach only the direct children: nginx' workers and whatever starts
sessions of its own would live on.
"""

import contextlib
import os
import signal
import sys
import time


def start_time(pid: int) -> str:
    """Return the start time in clock ticks since boot, or "" if the process is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def tree(root: int, started: str) -> list[tuple[int, str]]:
    """Return (pid, start time) of all living processes that come from `root`, not itself.

    Three marks tell them, since each can be lost: the parent, the group or session,
    and the ancestry in the environment (see launch.py), which outlives both.
    """
    mark = f"/{root}:{started}/".encode()
    parents: dict[int, list[int]] = {}
    groups: list[int] = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib would cost this small process a megabyte.
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry))
        if root in {int(fields[2]), int(fields[3])} or _carries(entry, mark):
            groups.append(int(entry))
    found: dict[int, None] = dict.fromkeys(groups)
    waiting = [root, *groups]
    while waiting:
        for child in parents.get(waiting.pop(), ()):
            if child not in found:
                found[child] = None
                waiting.append(child)
    found.pop(root, None)
    return [(pid, began) for pid in found if (began := start_time(pid))]


def _carries(pid: str, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return mark in file.read()
    except OSError:
        return False


def kill(pid: int, started: str, number: int) -> None:
    """Send the signal if the process is still the one that we mean."""
    if started and start_time(pid) == started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap(children: dict[int, tuple[str, int, float]]) -> None:
    """End all children with their trees, within the longest of their times plus a moment."""
    trees = {pid: tree(pid, started) for pid, (started, _, _) in children.items()}
    for pid, (started, number, _) in children.items():
        kill(pid, started, number)
    deadline = time.monotonic() + max(seconds for _, _, seconds in children.values())
    waiting = dict(children)
    while waiting and time.monotonic() < deadline:
        waiting = {pid: c for pid, c in waiting.items() if start_time(pid) == c[0]}
        time.sleep(0.05)
    for pid, (started, _, _) in children.items():
        # By now there may be new ones.
        rest = [*trees[pid], *tree(pid, started)]
        kill(pid, started, signal.SIGKILL)
        for descendant, began in rest:
            kill(descendant, began, signal.SIGKILL)


def main() -> None:
    """Read the list until the supervisor is gone, then reap what is left on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    children: dict[int, tuple[str, int, float]] = {}
    for line in sys.stdin:
        words = line.split()
        if len(words) == 5 and words[0] == "+":
            children[int(words[1])] = (words[2], int(words[3]), float(words[4]))
        elif len(words) == 2 and words[0] == "-":
            children.pop(int(words[1]), None)
    if children:
        reap(children)


if __name__ == "__main__":
    main()
