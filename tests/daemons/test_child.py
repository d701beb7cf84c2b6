import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dexwatch.daemons.child import Log, Reaper, spawn
from dexwatch.daemons.reaper import start_time, tree
from tests.fakes.patience import gone, until

PARENT = """
import asyncio, sys
from pathlib import Path
from dexwatch.daemons.child import Reaper, Log, spawn

async def main():
    reaper = Reaper()
    child = spawn(["sh", "-c", sys.argv[2]], log=Log(Path(sys.argv[1])), reaper=reaper,
                  stop_seconds=float(sys.argv[3]))
    print(child.pid, reaper.pid, flush=True)
    await asyncio.sleep(100)

asyncio.run(main())
"""
TREE = "sleep 300 & setsid sleep 300 & (sleep 300 & sleep 300) & echo begun; wait"


async def begun(log: Log) -> bool:
    return await until(lambda: "begun" in log.tail(), why="the child says that it began")


async def grown(pid: int, started: str) -> list[tuple[int, str]]:
    return await until(lambda: len(found := tree(pid, started)) >= 4 and found, why="TREE is up")


async def test_stop_ends_the_whole_tree_also_what_started_sessions_of_its_own(tmp_path):
    log = Log(tmp_path / "a.log")
    with Reaper() as reaper:
        child = spawn(["sh", "-c", TREE], log=log, reaper=reaper)
        await begun(log)
        descendants = await grown(child.pid, child.started)
        assert await child.stop(signal.SIGTERM, 3.0) == -signal.SIGTERM
        assert all(start_time(pid) != began for pid, began in descendants)


async def test_what_ignores_the_signal_is_killed_within_the_bound(tmp_path):
    log = Log(tmp_path / "a.log")
    with Reaper() as reaper:
        child = spawn(["sh", "-c", "trap '' TERM; echo begun; sleep 300"], log=log, reaper=reaper)
        await begun(log)
        before = asyncio.get_running_loop().time()
        assert await child.stop(signal.SIGTERM, 0.3) == -signal.SIGKILL
        assert asyncio.get_running_loop().time() - before < 3.0


@pytest.mark.parametrize("shell", [TREE, f"trap '' TERM; {TREE}"], ids=["obedient", "stubborn"])
async def test_kill_9_of_the_parent_leaves_no_process(tmp_path, shell):
    log = Log(tmp_path / "a.log")
    parent = subprocess.Popen(  # noqa: ASYNC220 - the test waits for it anyway.
        [sys.executable, "-c", PARENT, str(log.path), shell, "0.5"], stdout=subprocess.PIPE
    )
    child, reaper = map(int, parent.stdout.readline().split())
    await begun(log)
    pids = [child, reaper, *(pid for pid, _ in await grown(child, start_time(child)))]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    await until(lambda: all(gone(pid) for pid in pids), seconds=5)


async def test_the_reaper_alone_being_killed_does_not_break_the_promise(tmp_path):
    log = Log(tmp_path / "a.log")
    reaper = Reaper()
    first = spawn(["sh", "-c", "echo begun; sleep 300"], log=log, reaper=reaper)
    await begun(log)
    os.kill(reaper.pid, signal.SIGKILL)
    await until(lambda: gone(reaper.pid))
    second = spawn(["sleep", "300"], log=log, reaper=reaper)
    # The new reaper knows both children: closing it while they run reaps them.
    await asyncio.to_thread(reaper.close)
    assert await asyncio.wait_for(asyncio.gather(first.ended, second.ended), 5) == [-15, -15]


async def test_a_child_leads_its_own_session_so_that_ctrl_c_reaches_us_alone(tmp_path):
    child = spawn(["sleep", "300"], log=Log(tmp_path / "a.log"))
    await until(lambda: Path(f"/proc/{child.pid}/comm").read_text().strip() == "sleep")
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    assert os.getpgid(child.pid) == child.pid
    await child.stop(signal.SIGTERM, 2.0)


async def test_a_child_inherits_no_descriptor_but_its_log(tmp_path):
    log = Log(tmp_path / "a.log")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    child = spawn(["ls", "-l", "/proc/self/fd"], log=log)
    assert await asyncio.wait_for(child.ended, 5) == 0
    assert "pipe:" not in "\n".join(log.tail(20))
    os.close(reading)
    os.close(writing)


async def test_a_missing_program_ends_with_127_and_says_so(tmp_path):
    log = Log(tmp_path / "a.log")
    child = spawn(["no-such-program"], log=log)
    assert await asyncio.wait_for(child.ended, 5) == 127
    assert "cannot start no-such-program" in log.tail()[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_root_drops_to_the_given_user_and_the_child_still_dies_with_us(tmp_path):
    log = Log(tmp_path / "a.log")
    child = spawn(
        ["sh", "-c", "id -un; id -Gn; grep -i cap /proc/self/status"], log=log, user="nobody"
    )
    assert await asyncio.wait_for(child.ended, 5) == 0
    said = log.tail(20)
    assert said[:2] == ["nobody", "nogroup"]
    assert any(line.split() == ["CapEff:", "0000000000000000"] for line in said)


async def test_another_thread_than_the_main_one_is_refused(tmp_path):
    """The kernel ties a child to the thread that started it; a worker's end would kill it."""
    refused = []

    def start() -> None:
        try:
            spawn(["true"], log=Log(tmp_path / "a.log"))
        except RuntimeError as error:
            refused.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert "main thread" in refused[0]


async def test_a_log_is_cut_at_its_bound_and_the_child_writes_on(tmp_path):
    log = Log(tmp_path / "a.log", bound=10_000)
    child = spawn(["sh", "-c", "while :; do echo 0123456789012345678901234567890; done"], log=log)
    await until(log.cut)
    assert log.path.with_name("a.log.1").stat().st_size > 10_000
    await until(lambda: log.size() > 0 and log.tail()[-2].startswith("0123"))
    await child.stop(signal.SIGTERM, 2.0)


def test_a_log_is_cut_also_when_the_disk_has_no_room_for_a_copy(small_disk):
    """Else what fills the disk would never go, and nothing could be written again."""
    log = Log(small_disk / "a.log", bound=10_000)
    with contextlib.suppress(OSError), log.path.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    assert log.cut()
    assert log.size() == 0
    (small_disk / "other").write_bytes(b"y" * 100_000)


def test_the_tail_of_a_log_begins_where_the_run_began(tmp_path):
    log = Log(tmp_path / "a.log")
    assert log.tail() == []
    log.path.write_text("old\n")
    since = log.size()
    log.path.write_text("old\nnew\n")
    assert log.tail(since=since) == ["new"]
    log.path.write_text("cut\n")
    assert log.tail(since=10_000) == ["cut"]
