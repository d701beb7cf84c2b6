import json
import os
import signal
import subprocess
import sys

import pytest

from dexwatch.daemons.program import (
    AlreadyRunningError,
)
from dexwatch.daemons.reaper import start_time, tree
from dexwatch.daemons.supervisor import Supervisor
from tests.fakes.patience import gone, until
from tests.fakes.programs import sleeper, start_process


async def test_a_second_supervisor_in_the_same_folder_is_refused(tmp_path):
    async with Supervisor(tmp_path):
        with pytest.raises(AlreadyRunningError, match=rf"another dexwatch \(pid {os.getpid()}\)"):
            await Supervisor(tmp_path).__aenter__()
    async with Supervisor(tmp_path):
        pass


PARENT = """
import asyncio, sys
from pathlib import Path
from dexwatch.daemons.program import Port, Program, TcpReady
from dexwatch.daemons.supervisor import Supervisor

async def main():
    async with Supervisor(Path(sys.argv[1])) as supervisor:
        await supervisor.start([
            Program("tree", ("sh", "-c", "setsid sleep 300 & sleep 300 & wait")),
            Program("redis", ("redis-server", "--port", sys.argv[2], "--save", ""),
                    ports=(Port("x", int(sys.argv[2])),), ready=TcpReady(int(sys.argv[2]))),
        ])
        print("ready", flush=True)
        await asyncio.sleep(300)

asyncio.run(main())
"""


async def test_kill_9_of_the_parent_leaves_nothing_and_the_next_start_is_free(
    tmp_path, free_port, require
):
    require("redis-server")
    for _ in range(2):
        parent = start_process(
            [sys.executable, "-c", PARENT, str(tmp_path), str(free_port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        while (line := parent.stdout.readline()) != b"ready\n":
            assert line, "the parent ended early"
        # The shell is ready at once, and starts what it starts a moment later.
        await until(lambda parent=parent: len(tree(parent.pid, "")) >= 5, seconds=10)
        pids = [pid for pid, _ in tree(parent.pid, "")]
        parent.kill()
        parent.wait()
        parent.stdout.close()
        await until(lambda pids=pids: all(gone(pid) for pid in pids), seconds=10)


async def test_what_a_killed_predecessor_left_is_ended_first(tmp_path):
    """Even the reaper can be killed; then the pid files tell what is ours."""
    left = start_process(["sleep", "300"], start_new_session=True)
    run = tmp_path / "run"
    run.mkdir()
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([sleeper("a")])
        noted = json.loads((run / "a.pid").read_text())
    noted |= {"pid": left.pid, "start": start_time(left.pid)}
    (run / "left.pid").write_text(json.dumps(noted))
    stranger = start_process(["sleep", "300"], start_new_session=True)
    (run / "stranger.pid").write_text(json.dumps(noted | {"pid": stranger.pid, "start": "1"}))
    try:
        async with Supervisor(tmp_path):
            assert left.wait(timeout=5) == -signal.SIGTERM
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
