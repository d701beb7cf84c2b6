import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dexwatch.daemons.keeper import start_time, tree
from dexwatch.daemons.life import Backoff, State
from dexwatch.daemons.program import (
    AlreadyRunningError,
    BinaryMissingError,
    DaemonError,
    File,
    NotReadyError,
    Port,
    PortTakenError,
    Program,
    RefusedConfigError,
    Reload,
    TcpReady,
)
from dexwatch.daemons.supervisor import Supervisor
from tests.fakes.patience import gone, until

QUICK = Backoff(first_seconds=0.02, longest_seconds=0.1, loop_ends=4, loop_seconds=30)

SERVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer
import sys
HTTPServer(("127.0.0.1", int(sys.argv[1])), BaseHTTPRequestHandler).serve_forever()
"""


def start_process(argv: list[str], **more) -> subprocess.Popen[bytes]:
    """Starts at once; blocking the loop for a moment is fine in a test."""
    return subprocess.Popen(argv, **more)


def sleeper(name: str, *, needs: tuple[str, ...] = (), **more) -> Program:
    return Program(name, ("sleep", "300"), needs=needs, **more)


def server(name: str, port: int, **more) -> Program:
    return Program(
        name,
        (sys.executable, "-c", SERVER, str(port)),
        ports=(Port(f"daemons.{name}.port", port),),
        ready=TcpReady(port),
        **more,
    )


async def test_programs_are_ready_on_return_and_gone_afterwards(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([sleeper("b", needs=("a",)), server("a", free_port)])
        states = supervisor.states()
        assert {state.name: state.state for state in states} == {
            "a": State.READY,
            "b": State.READY,
        }
        pids = [state.pid for state in states]
        assert not any(gone(pid) for pid in pids)
    assert all(gone(pid) for pid in pids)
    assert not list((tmp_path / "run").glob("*.pid"))


async def test_what_needs_another_starts_after_it_and_stops_before_it(tmp_path):
    shell = (
        "trap 'echo $NAME stopped >> $BOOK; exit' TERM; echo $NAME began >> $BOOK; sleep 300 & wait"
    )
    book = tmp_path / "book"

    def writer(name: str, *needs: str) -> Program:
        env = {"NAME": name, "BOOK": str(book)}
        return Program(name, ("sh", "-c", shell), env=env, needs=needs)

    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([writer("first")])
        await until(lambda: book.exists() and "first began" in book.read_text())
        await supervisor.start([writer("third", "second"), writer("second", "first")])
        await until(lambda: "third began" in book.read_text())
        await until(lambda: "second began" in book.read_text())
    lines = book.read_text().splitlines()
    assert lines[-3:] == ["third stopped", "second stopped", "first stopped"]


async def test_a_program_that_ends_is_started_again_and_counted(tmp_path, free_port):
    async with Supervisor(tmp_path, backoff=QUICK) as supervisor:
        await supervisor.start([server("a", free_port)])
        before = supervisor.state("a").pid
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").restarts == 1)
        await until(lambda: supervisor.state("a").state is State.READY)
        assert supervisor.state("a").pid not in {before, None}
        values = {
            (sample.metric.name, sample.labels["daemon"]): sample.value
            for sample in supervisor.samples()
        }
        assert values == {
            ("dexwatch_daemon_up", "a"): 1.0,
            ("dexwatch_daemon_restarts_total", "a"): 1.0,
        }


async def test_a_program_that_ends_again_and_again_is_called_looping_with_its_last_words(tmp_path):
    fuse = tmp_path / "fuse"
    script = f"test -e {fuse} && echo the disk is on fire && exit 7; sleep 300"
    async with Supervisor(tmp_path, backoff=QUICK) as supervisor:
        await supervisor.start([Program("a", ("sh", "-c", script))])
        fuse.touch()
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").state is State.LOOPING)
        detail = (await until(lambda: "status 7" in supervisor.state("a").detail)) and (
            supervisor.state("a").detail
        )
        assert "the disk is on fire" in detail
        assert str(tmp_path / "logs" / "a.log") in detail
        fuse.unlink()
        await until(lambda: supervisor.state("a").state is State.READY)


async def test_a_program_that_ends_at_its_start_fails_the_start_with_its_last_words(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(NotReadyError, match=r"(?s)status 3 before it was ready.*no such table"):
            await supervisor.start(
                [Program("a", ("sh", "-c", "echo no such table; exit 3"), ready=TcpReady(1))]
            )


async def test_a_program_that_stays_silent_fails_the_start_within_its_time(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(NotReadyError, match=r"not ready within 0\.3 s"):
            await supervisor.start([sleeper("a", ready=TcpReady(free_port), ready_seconds=0.3)])
        assert supervisor.state("a").state is State.STOPPED


async def test_what_is_not_required_may_be_silent_without_stopping_the_others(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(
            [
                sleeper("a", ready=TcpReady(free_port), ready_seconds=0.2, required=False),
                sleeper("b", needs=("a",)),
            ]
        )
        assert supervisor.state("a").state is State.SILENT
        assert supervisor.state("b").state is State.READY


async def test_a_program_that_is_slow_to_come_back_is_given_time_instead_of_killed(
    tmp_path, free_port
):
    slow = tmp_path / "slow"
    argv = ("sh", "-c", f'test -e {slow} && sleep 2; exec {sys.executable} -c "$SERVER" $PORT')
    program = Program(
        "a",
        argv,
        env={"PORT": str(free_port), "SERVER": SERVER},
        ready=TcpReady(free_port),
        ready_seconds=1.0,
    )
    async with Supervisor(tmp_path, backoff=QUICK) as supervisor:
        await supervisor.start([program])
        slow.touch()
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").state is State.SILENT)
        pid = supervisor.state("a").pid
        await until(lambda: supervisor.state("a").state is State.READY)
        assert supervisor.state("a").pid == pid
        assert supervisor.state("a").restarts == 1


async def test_a_taken_port_names_the_setting_and_the_holder_before_anything_starts(
    tmp_path, free_port
):
    holder = start_process([sys.executable, "-c", SERVER, str(free_port)])
    try:
        async with Supervisor(tmp_path) as supervisor:

            async def start() -> str:
                try:
                    await supervisor.start([sleeper("b"), server("a", free_port)])
                except PortTakenError as error:
                    return str(error)
                await supervisor.stop()
                return ""

            said = await until(start)
            assert f"daemons.a.port: 127.0.0.1:{free_port} is taken by python" in said
            assert f"(pid {holder.pid})" in said
    finally:
        holder.kill()
        holder.wait()


async def test_a_missing_binary_names_its_package(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(BinaryMissingError, match="apt-get install prometheus-snow-exporter"):
            await supervisor.start(
                [Program("a", ("snow-exporter",), package="prometheus-snow-exporter")]
            )


async def test_programs_in_a_circle_or_without_what_they_need_are_refused(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(DaemonError, match="a needs itself"):
            await supervisor.start([sleeper("a", needs=("b",)), sleeper("b", needs=("a",))])
        with pytest.raises(DaemonError, match="a needs b, which is not started"):
            await supervisor.start([sleeper("a", needs=("b",))])
        with pytest.raises(DaemonError, match="no program 'x'"):
            await supervisor.stop("x")


async def test_a_second_supervisor_in_the_same_folder_is_refused(tmp_path):
    async with Supervisor(tmp_path):
        with pytest.raises(AlreadyRunningError, match=rf"another dexwatch \(pid {os.getpid()}\)"):
            await Supervisor(tmp_path).__aenter__()
    async with Supervisor(tmp_path):
        pass


def checked(folder: Path, text: str, reload: Reload = Reload.RESTART, **more) -> Program:
    """A program whose checker accepts only files that contain "good"."""
    return Program(
        "a",
        ("sh", "-c", "cat a.conf; sleep 300"),
        folder=folder,
        files=(File("a.conf", text),),
        checks=(("grep", "-q", "good", "a.conf"),),
        reload=reload,
        **more,
    )


async def test_a_refused_configuration_changes_nothing_and_the_old_one_goes_on(tmp_path):
    folder = tmp_path / "etc"
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([checked(folder, "good 1")])
        before = supervisor.state("a").pid
        with pytest.raises(RefusedConfigError, match="a: grep -q refuses it"):
            await supervisor.change(checked(folder, "bad"))
        assert (folder / "a.conf").read_text() == "good 1"
        assert supervisor.state("a").pid == before
        assert await supervisor.change(checked(folder, "good 1")) is False


async def test_a_program_without_reload_is_restarted_and_one_that_looks_itself_is_not(tmp_path):
    folder = tmp_path / "etc"
    for reload, restarts in ((Reload.RESTART, True), (Reload.NONE, False)):
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start([checked(folder, "good 1", reload)])
            before = supervisor.state("a").pid
            assert await supervisor.change(checked(folder, "good 2", reload)) is True
            assert (folder / "a.conf").read_text() == "good 2"
            assert (supervisor.state("a").pid != before) is restarts


async def test_a_new_definition_that_cannot_start_is_rolled_back(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([server("a", free_port)])
        broken = Program("a", ("sh", "-c", "exit 9"), ready=TcpReady(free_port))
        with pytest.raises(NotReadyError):
            await supervisor.change(broken)
        assert supervisor.state("a").state is State.READY


async def test_secret_files_are_readable_by_their_user_alone(tmp_path):
    program = Program(
        "a",
        ("sleep", "300"),
        folder=tmp_path / "etc",
        files=(File("open", "x"), File("key", "hush", secret=True)),
        env={"PASSWORD": "hush"},
    )
    assert "hush" not in repr(program)
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([program])
        assert (tmp_path / "etc" / "key").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "etc" / "open").stat().st_mode & 0o777 == 0o644


async def test_programs_do_not_see_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_OURS", "hush")
    log = tmp_path / "logs" / "a.log"
    script = 'echo "<$SECRET_OF_OURS>"; sleep 300'
    for inherit, seen in ((False, "<>"), (True, "<hush>")):
        async with Supervisor(tmp_path) as supervisor:
            await supervisor.start([Program("a", ("sh", "-c", script), inherit_env=inherit)])
            await until(lambda seen=seen: seen in log.read_text())


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
        pids = [pid for pid, _ in tree(parent.pid, "")]
        assert len(pids) >= 5
        parent.kill()
        parent.wait()
        parent.stdout.close()
        await until(lambda pids=pids: all(gone(pid) for pid in pids), seconds=10)


async def test_what_a_killed_predecessor_left_is_ended_first(tmp_path):
    """Even the keeper can be killed; then the pid files tell what is ours."""
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


async def test_stop_is_safe_while_a_program_waits_to_be_restarted(tmp_path):
    slow = Backoff(first_seconds=60, longest_seconds=60)
    async with Supervisor(tmp_path, backoff=slow) as supervisor:
        await supervisor.start([sleeper("a")])
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").state is State.WAITING)
        await asyncio.wait_for(supervisor.stop("a"), 3)
        assert supervisor.state("a").state is State.STOPPED
        await supervisor.start([sleeper("a")])
        assert supervisor.state("a").state is State.READY
