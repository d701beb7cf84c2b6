"""The first moments of a child: tie its life to its parent's, drop privileges, become the program.

Runs as a script of its own (`python -I -S launch.py PARENT SIGNAL USER -- ARGV`)
and imports nothing of ours.
It is exec'd instead of being a `preexec_fn`, because Python code between fork and exec can deadlock
in a process that has threads.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1
ANCESTRY = "DEXWATCH_ANCESTRY"
"""Environment variable with PID:START of every supervised ancestor, each between slashes."""


def main(argv: list[str]) -> None:
    """Become the program; exits with 127 and a line on stderr where that is impossible."""
    parent, death, user = int(argv[1]), int(argv[2]), argv[3]
    program = argv[5:]
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        start = file.read().rpartition(")")[2].split()[19]
    # All imports come first: the new user may not be allowed to read our Python's own folder.
    prctl = ctypes.CDLL(None).prctl
    if user:
        _become(user)
    # After the change of user: the kernel forgets the death signal when credentials change.
    prctl(PR_SET_PDEATHSIG, death, 0, 0, 0)
    if os.getppid() != parent:
        # The parent went between fork and prctl: no signal would ever come.
        sys.exit(127)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores these, and an ignored signal stays ignored in the program.
        signal.signal(number, signal.SIG_DFL)
    os.environ[ANCESTRY] = f"{os.environ.get(ANCESTRY, '/')}{os.getpid()}:{start}/"
    try:
        os.execve(program[0], program, os.environ)  # noqa: S606 - the caller found the path.
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]}: {error.strerror}\n")
        sys.exit(127)


def _become(name: str) -> None:
    entry = pwd.getpwnam(name)
    os.environ["HOME"] = entry.pw_dir
    if os.getuid() == entry.pw_uid:
        return
    os.initgroups(name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main(sys.argv)
